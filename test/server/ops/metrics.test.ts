import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { type MetricSamples, metricSamples, seriesOf } from '../../fixtures/metric-samples.ts'
import { type RunningServer, runningServer } from '../../fixtures/running-server.ts'

async function scrape(server: RunningServer): Promise<MetricSamples> {
  const { status, headers, text } = await httpClient(server.url, server.basic).get('/metrics')
  if (status !== 200) throw new Error(`${status} ${text}`)
  t.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  return metricSamples(text)
}

const server = await runningServer(t)
const anna = httpClient(`${server.url}/me`, server.bearer('anna'))

t.test('requests are counted by method, route and class of status', async t => {
  await anna.put('/a', { v: 1 })
  await anna.put('/a', { v: 2 })
  await anna.get('/a')
  await anna.get('/not-there')
  await anna.get('/not-there-either')
  await httpClient(server.url, server.basic).get('/a/path/that/is/none')
  await fetch(`${server.url}/x`, { method: 'PATCH' })
  const samples = await scrape(server)
  const requests = (method: string, route: string, status: string) =>
    samples.get(`divan_http_requests_total{method="${method}",route="${route}",status="${status}"}`)
  t.equal(requests('PUT', '/:db/:doc', '2xx'), 1)
  t.equal(requests('PUT', '/:db/:doc', '4xx'), 1, 'a conflict')
  t.equal(requests('GET', '/:db/:doc', '2xx'), 1)
  t.equal(requests('GET', '/:db/:doc', '4xx'), 2, 'ids are no labels')
  t.equal(requests('other', '/:db', '4xx'), 1, 'methods that are none of ours are one')
  t.equal(samples.get('divan_http_request_duration_seconds_count{method="PUT",route="/:db/:doc"}'), 2)
  t.same(seriesOf(samples, 'divan_http_requests_total', 'anna'), [], 'no label names a user')
})

t.test('commits, the size of the store and the process are told', async t => {
  const before = await scrape(server)
  for (let n = 0; n < 5; n++) await anna.put(`/doc${n}`, { v: 1 })
  const after = await scrape(server)
  const more = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  t.equal(more('divan_store_commits_total'), 5)
  t.ok(more('divan_store_commit_seconds_total') > 0)
  t.ok((after.get('divan_store_file_bytes') ?? 0) > 8192)
  t.ok((after.get('divan_store_free_bytes') ?? 0) > 0)
  t.equal(after.get('divan_store_failing'), 0)
  t.equal(after.get('divan_store_waiting_writes'), 0)
  t.equal(after.get('divan_server_info{version="0.1.0"}'), 1)
  t.ok(after.has('nodejs_eventloop_lag_p99_seconds'))
  t.ok((after.get('process_resident_memory_bytes') ?? 0) > 1e6)
})

t.test('a feed is counted while it waits, and as cut when its client goes away', async t => {
  const leaving = new AbortController()
  const headers = { authorization: server.bearer('anna') }
  const url = `${server.url}/me/_changes?feed=continuous&since=now&heartbeat=100`
  const feed = await fetch(url, { headers, signal: leaving.signal })
  await sleep(0)
  const waiting = await scrape(server)
  t.equal(waiting.get('divan_live_feeds'), 1)
  t.equal(waiting.get('divan_http_open_requests'), 2, 'the feed, and who asks')
  const reading = feed.text()
  leaving.abort()
  await t.rejects(reading)
  await eventually(async () => {
    const samples = await scrape(server)
    const isCut =
      samples.get('divan_http_requests_total{method="GET",route="/:db/_changes",status="cut"}') === 1
    return isCut && samples.get('divan_live_feeds') === 0
  }, 'the end of the feed')
})

t.test('only admins are told', async t => {
  t.equal((await fetch(`${server.url}/metrics`)).status, 401)
  t.equal((await httpClient(server.url, server.bearer('anna')).get('/metrics')).status, 403)
})
