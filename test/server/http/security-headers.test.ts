import t from 'tap'
import { type RawRequest, rawRequest } from '../../fixtures/raw-request.ts'
import { runningServer } from '../../fixtures/running-server.ts'

const server = await runningServer(t)
const JSON_TYPE = { 'content-type': 'application/json' }
const admin = { ...JSON_TYPE, authorization: server.basic }
const anna = { ...JSON_TYPE, authorization: server.bearer('anna') }

type Case = RawRequest & { readonly path: string; readonly status: number }

const cases: readonly Case[] = [
  { path: '/', status: 200 },
  { path: '/_up', method: 'HEAD', status: 200 },
  { path: '/me', status: 401 },
  { path: '/me', headers: { authorization: 'Bearer x' }, status: 401 },
  { path: '/_users', headers: anna, status: 403 },
  { path: '/nothing', headers: admin, status: 404 },
  { path: '/me/_all_docs', method: 'PATCH', headers: anna, status: 405 },
  { path: '/me/%', headers: anna, status: 400 },
  { path: '/me/_changes', headers: anna, status: 200 },
  { path: '/me/_changes?limit=x', headers: { ...anna, accept: '*/*' }, status: 400 },
  { path: '/me/_changes?feed=continuous&timeout=0', headers: anna, status: 200 },
  { path: '/me/_bulk_docs', method: 'POST', headers: anna, body: '{', status: 400 },
  { path: '/_session', method: 'POST', headers: JSON_TYPE, body: '{"name":"x","password":"y"}', status: 401 },
  { path: '/me', method: 'OPTIONS', status: 204 },
  { path: '/me/page/index.html', headers: anna, status: 200 },
  { path: '/me/page/index.html', headers: { ...anna, range: 'bytes=0-1' }, status: 206 },
]

t.test('every answer tells browsers to run, load, frame and guess nothing', async t => {
  const page = { ...anna, 'content-type': 'text/html' }
  const body = '<script>fetch("/_all_dbs")</script>'
  t.match(await rawRequest(server.url, '/me/page/index.html', { method: 'PUT', headers: page, body }), {
    status: 201,
  })
  for (const { path, status, ...options } of cases) {
    const answer = await rawRequest(server.url, path, options)
    t.match(
      answer,
      {
        status,
        headers: {
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cross-origin-resource-policy': 'same-origin',
          'content-security-policy': path.endsWith('.html')
            ? 'sandbox'
            : "default-src 'none'; frame-ancestors 'none'; sandbox",
          'x-request-id': /^[0-9a-f]{12}$/,
          server: /^Divan\//,
        },
      },
      `${options.method ?? 'GET'} ${path}`,
    )
    if (options.method !== 'OPTIONS' && !path.startsWith('/_session'))
      t.match(answer.headers['cache-control'], /must-revalidate|no-store/, path)
    t.equal(answer.headers['x-powered-by'], undefined)
  }
})
