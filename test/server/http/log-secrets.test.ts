import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { mintToken } from '../../../server/auth/token.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { nodeCommand } from '../../fixtures/node-command.ts'
import { type RawRequest, rawRequest } from '../../fixtures/raw-request.ts'

/** Everything secret in this test holds this word, or is a token or a cookie. */
const SECRET = 'xyzzy'
const JWT = { secret: `${SECRET} of the tokens`, issuer: 'phoenix-portal', audience: 'phoenix-portal-users' }
const PASSWORD = `${SECRET}-of-the-admin`

/** `divan server` as a process that logs all it can, and what it wrote so far, to either stream. */
async function loggingServer(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'divan-log-'))
  const [command, args] = nodeCommand('divan.ts', 'server')
  const env = {
    ...process.env,
    DIVAN_DATA: folder,
    DIVAN_PORT: '0',
    DIVAN_ADMIN_PASSWORD: PASSWORD,
    DIVAN_LOG_LEVEL: 'trace',
    JWT_SECRET: JWT.secret,
  }
  const child: ChildProcess = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let written = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', chunk => {
      written += String(chunk)
    })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  })
  const url = await eventually(() => /"url":"([^"]+)"/.exec(written)?.[1], 'the server says where it listens')
  return { url, written: () => written }
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const token = mintToken({ ...JWT, sub: 'anna', expiresInSeconds: 60 })
const expired = mintToken({ ...JWT, sub: 'anna', expiresInSeconds: -60 })
const forged = mintToken({ ...JWT, secret: 'another', sub: 'anna', expiresInSeconds: 60 })
const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }
const anna = { ...JSON_TYPE, authorization: `Bearer ${token}` }
const admin = { ...JSON_TYPE, authorization: basic(`admin:${PASSWORD}`) }

type Sent = RawRequest & { readonly path: string; readonly status: number }

const requests: readonly Sent[] = [
  { path: '/me', headers: anna, status: 200 },
  { path: '/me', headers: { authorization: `Bearer ${expired}` }, status: 401 },
  { path: '/me', headers: { authorization: `Bearer ${forged}` }, status: 401 },
  { path: '/me', headers: { authorization: token }, status: 401 },
  { path: '/_all_dbs', headers: admin, status: 200 },
  { path: '/_all_dbs', headers: { authorization: basic(`admin:${SECRET}`) }, status: 401 },
  { path: '/_all_dbs', headers: { authorization: basic(`${SECRET}:admin`) }, status: 401 },
  { path: '/_all_dbs', headers: { authorization: `Basic ${SECRET}` }, status: 401 },
  { path: '/_all_dbs', headers: { cookie: `AuthSession=${SECRET}` }, status: 401 },
  { path: `/_up?access_token=${token}&password=${SECRET}`, status: 200 },
  { path: `/_session?next=//${SECRET}`, method: 'POST', headers: FORM_TYPE, body: '', status: 400 },
  { path: `/me/_changes?limit=${SECRET}`, headers: anna, status: 400 },
  {
    path: '/_session',
    method: 'POST',
    headers: FORM_TYPE,
    body: `name=admin&password=${SECRET}`,
    status: 401,
  },
  { path: '/_session', method: 'POST', headers: FORM_TYPE, body: `name=${SECRET}&password=x`, status: 401 },
  { path: '/_session', method: 'POST', headers: JSON_TYPE, body: `{"${SECRET}`, status: 400 },
  { path: '/me/a', method: 'PUT', headers: anna, body: `{"text":"${SECRET}"}`, status: 201 },
  { path: '/me/b', method: 'PUT', headers: anna, body: `{"text":"${SECRET}`, status: 400 },
  { path: '/me/b', method: 'PUT', headers: anna, body: `{"_${SECRET}":1}`, status: 400 },
  { path: '/me/_local/a', method: 'PUT', headers: anna, body: `{"text":"${SECRET}"}`, status: 201 },
  { path: '/me/_bulk_docs', method: 'POST', headers: anna, body: `{"docs":["${SECRET}"]}`, status: 400 },
  {
    path: '/me/_bulk_docs',
    method: 'POST',
    headers: anna,
    body: `{"docs":[{"_id":"_${SECRET}"}]}`,
    status: 400,
  },
  {
    path: '/me/c/f',
    method: 'PUT',
    headers: { ...anna, 'content-type': 'text/plain' },
    body: SECRET,
    status: 201,
  },
  { path: '/me/_all_docs?include_docs=true', headers: anna, status: 200 },
  { path: '/me/_bulk_get', method: 'POST', headers: anna, body: `{"docs":"${SECRET}"}`, status: 400 },
  { path: `http://anna:${SECRET}@localhost/_up`, status: 200 },
  { path: '/_up', headers: { 'x-request-id': `${SECRET} ${SECRET}` }, status: 200 },
  {
    path: '/_up',
    headers: { 'x-forwarded-for': SECRET, 'user-agent': SECRET, referer: SECRET },
    status: 200,
  },
]

t.test('nothing of anybody’s is in the log of a server that logs all it can', async t => {
  const { url, written } = await loggingServer(t)
  for (const { path, status, ...options } of requests) {
    const answer = await rawRequest(url, path, options)
    t.equal(answer.status, status, `${options.method ?? 'GET'} ${path}: ${answer.body}`)
  }
  const login = {
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify({ name: 'admin', password: PASSWORD }),
  }
  const session = await rawRequest(url, '/_session', login)
  const cookie = session.headers['set-cookie']?.[0]?.split(';', 1).join('') ?? ''
  t.match(await rawRequest(url, '/_all_dbs', { headers: { cookie } }), { status: 200 })

  await rawRequest(url, '/_up', { headers: { 'x-request-id': 'the-last-one' } })
  const log = await eventually(
    () => /"the-last-one"/.test(written()) && written(),
    'the last line is written',
  )
  const lines = log.split('\n').filter(line => line.startsWith('{'))
  t.ok(lines.filter(line => JSON.parse(line).msg === 'request').length >= requests.length + 3)
  t.match(log, /"msg":"wrong name or password"/)
  t.match(log, /"admin":"admin"/)

  const secrets = [
    SECRET,
    token,
    expired,
    forged,
    cookie.split('=')[1] ?? 'no cookie',
    basic(SECRET).slice(6),
  ]
  for (const secret of secrets) {
    const found = lines.find(line => line.includes(secret))
    t.equal(found, undefined, secret.slice(0, 12))
  }
  for (const part of token.split('.').slice(1)) t.notOk(log.includes(part), 'no part of a token either')
  t.notOk(log.includes(SECRET), 'nor in what is no line of the log')
})
