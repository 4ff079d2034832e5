import { randomUUID } from 'node:crypto'
import t from 'tap'
import { httpClient } from '../../../fixtures/http-client.ts'
import { mirror } from '../../../fixtures/mirror.ts'

t.test('samples are rows of metric_samples once, after uploads that overlap', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const session = randomUUID()
  const client = httpClient(program.server.url, program.server.bearer(user.sub))
  const samples = Array.from({ length: 5000 }, (_, nth) => ({
    timestamp: 1_700_000_000_000 + nth * 20,
    load: nth / 8,
    status: nth % 3,
  }))
  for (const [from, to] of [
    [2500, 5000],
    [0, 1000],
    [900, 3000],
    [0, 5000],
  ]) {
    const body = { deviceId: 'phone-1', samples: samples.slice(from, to) }
    t.equal((await client.post(`/api/sessions/${session}/metrics`, body)).status, 201)
  }
  await user.mirrored()
  const rows = await program.sql(
    'select session_id, timestamp::text, load, status from metric_samples where user_id = $1 order by timestamp',
    [user.sub],
  )
  const expected = samples.map(({ timestamp, load, status }) => ({
    session_id: session,
    timestamp: String(timestamp),
    load,
    status,
  }))
  t.equal(JSON.stringify(rows), JSON.stringify(expected))
  t.strictSame(await program.sql('select * from divan.dead_letters'), [])
})
