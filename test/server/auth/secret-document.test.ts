import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import t from 'tap'
import { userDbName } from '../../../design-docs/user-db.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { runningServer } from '../../fixtures/running-server.ts'

/**
 * One user hides a word wherever a database can hold one; another tries to read it through everything that is open to
 * him: his own database, given the owner's ids, revs, digests and places, and the server itself.
 */

const SECRET = 'nobody-else-reads-this'
const ID = `session:${SECRET}`

const server = await runningServer(t)
const OWNERS_DB = userDbName('anna')
const owner = httpClient(`${server.url}/me`, server.bearer('anna'))
const stranger = httpClient(server.url, server.bearer('bert'))

/** What the owner's answers name, for the stranger to try. */
async function hide() {
  const data = Buffer.from(SECRET).toString('base64')
  const attachments = { [SECRET]: { content_type: 'text/plain', data } }
  const { rev } = (await owner.put(`/${ID}`, { text: SECRET, _attachments: attachments })).json
  const other = { _id: ID, text: `${SECRET} too`, _revisions: { start: 1, ids: ['0000'] } }
  await owner.post('/_bulk_docs', { docs: [other], new_edits: false })
  await owner.put(`/_local/${SECRET}`, { text: SECRET })
  const gone = (await owner.put(`/gone-${SECRET}`, { text: SECRET })).json
  await owner.delete(`/gone-${SECRET}?rev=${gone.rev}`)
  const { digest } = (await owner.get(`/${ID}`)).json._attachments[SECRET]
  const since = (await owner.get('/_changes')).json.last_seq
  return { rev: String(rev), digest: String(digest), since: String(since) }
}

const hidden = await hide()

function headerLines(headers: Headers): string[] {
  const lines: string[] = []
  headers.forEach((value, name) => {
    lines.push(`${name}: ${value}`)
  })
  return lines
}

t.test('nothing that is open to a stranger shows it', async t => {
  const { rev, digest, since } = hidden
  const id = encodeURIComponent(ID)
  const keys = encodeURIComponent(JSON.stringify([ID, `gone-${SECRET}`]))
  const reads = [
    ...['normal', 'longpoll', 'continuous', 'eventsource'].flatMap(feed =>
      ['', `&since=${since}`, `&filter=_doc_ids&doc_ids=${keys}`].map(
        rest =>
          `_changes?feed=${feed}&include_docs=true&attachments=true&conflicts=true&style=all_docs&last_live=true&timeout=0${rest}`,
      ),
    ),
    `_all_docs?include_docs=true&conflicts=true&keys=${keys}`,
    `_all_docs?include_docs=true&startkey="session:"`,
    '_local_docs?include_docs=true',
    '_design_docs?include_docs=true',
    `${id}?rev=${rev}`,
    `${id}?open_revs=all`,
    `${id}?open_revs=["${rev}","1-0000"]&revs=true&latest=true`,
    `${id}?conflicts=true&meta=true&attachments=true`,
    `${id}/${SECRET}`,
    `${id}/${SECRET}?rev=${rev}`,
    `_local/${SECRET}`,
    '_security',
    '',
  ].flatMap(path => ['me', 'me-session'].map(db => ['GET', `/${db}/${path}`, undefined] as const))
  const ids = [{ id: ID }, { id: ID, rev }, { id: `gone-${SECRET}` }, { id: `_local/${SECRET}` }]
  const posts = [
    ['_bulk_get?attachments=true&latest=true&revs=true', { docs: ids }],
    ['_all_docs?include_docs=true', { keys: [ID], include_docs: true, deleted: 'ok' }],
    ['_all_docs/queries', { queries: [{ keys: [ID], include_docs: true }, { include_docs: true }] }],
    ['_revs_diff', { [ID]: [rev, '1-0000', '2-00'] }],
    ['_missing_revs', { [ID]: [rev] }],
    ['_changes?filter=_doc_ids&include_docs=true', { doc_ids: [ID] }],
  ].flatMap(([path, body]) => ['me', 'me-session'].map(db => ['POST', `/${db}/${path}`, body] as const))
  const ofTheServer = [
    '/',
    '/_up',
    '/_session',
    '/_uuids',
    '/_all_dbs',
    '/_active_tasks',
    '/_dbs_info',
    '/_db_updates?feed=longpoll&timeout=0',
  ].map(path => ['GET', path, undefined] as const)
  const infos = ['POST', '/_dbs_info', { keys: [OWNERS_DB, 'me'] }] as const
  for (const [method, path, body] of [...reads, ...posts, ...ofTheServer, infos]) {
    const { status, text, headers } = await stranger.send(method, path, {
      body,
      headers: { Accept: 'application/json' },
    })
    // What he sent himself may come back: ids, and nothing that was found by them.
    const told = text
      .replaceAll(ID, '')
      .replaceAll(`gone-${SECRET}`, '')
      .replaceAll(`_local/${SECRET}`, '')
      .replaceAll(rev, '')
    t.notOk(
      told.includes(SECRET) || told.includes(digest) || told.includes('possible_ancestors'),
      `${method} ${path}`,
    )
    t.ok(status < 500 && !text.includes(OWNERS_DB), `${method} ${path}: ${status}`)
    t.notMatch(headerLines(headers).join(), new RegExp(`${SECRET}|${rev}|${digest}`))
  }
})

t.test('an ETag of the owner’s is no question about his document', async t => {
  const digest = `"${hidden.digest.replace('md5-', '')}"`
  for (const [path, etag] of [
    [`/${ID}`, `"${hidden.rev}"`],
    [`/${ID}/${SECRET}`, digest],
  ] as const)
    for (const method of ['GET', 'HEAD']) {
      const asked = await stranger.send(method, `/me${path}`, { headers: { 'If-None-Match': etag } })
      t.equal(asked.status, 404, `${method} ${path}`)
      const theirs = await stranger.send(method, `/${OWNERS_DB}${path}`, {
        headers: { 'If-None-Match': etag },
      })
      t.match(theirs, { status: 403 })
      t.equal(theirs.headers.get('etag'), null)
    }
})

t.test('whoever knows a digest has not its bytes', async t => {
  const stub = {
    _attachments: {
      copy: { stub: true, digest: hidden.digest, revpos: 1, content_type: 'text/plain', length: 22 },
    },
  }
  t.match(await stranger.put('/me/thief', stub), { status: 412, json: { error: 'missing_stub' } })
  const replicated = { ...stub, _id: 'thief', _revisions: { start: 1, ids: ['aa'] } }
  const { json } = await stranger.post('/me/_bulk_docs', { docs: [replicated], new_edits: false })
  t.match(json, [{ id: 'thief', error: String }])
  t.equal((await stranger.get('/me/thief/copy')).status, 404)
})

t.test('a feed that waits hears nothing of what others write', async t => {
  const feeds = await Promise.all(
    ['longpoll', 'continuous', 'eventsource'].map(async feed => {
      const path = `/me/_changes?feed=${feed}&since=0&include_docs=true&heartbeat=100`
      const asked = request(`${server.url}${path}`, {
        headers: { authorization: server.bearer('carl') },
        agent: false,
      })
      t.teardown(() => asked.destroy())
      asked.on('error', () => {})
      asked.end()
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      let text = ''
      answer.on('data', chunk => {
        text += chunk
      })
      return () => text
    }),
  )
  await owner.put(`/live-${SECRET}`, { text: SECRET })
  await server.store.createDatabase('recipes')
  const lengths = feeds.map(text => text().length)
  await eventually(
    () => feeds.every((text, i) => text().length > (lengths[i] ?? 0) + 2),
    'heartbeats after the write',
  )
  for (const text of feeds) t.match(text(), /^(\{"results":\[)?\n+$/)
})

t.test('what is refused is the same to the byte, whether it is there or not', async t => {
  const below = [
    '',
    '/_changes',
    '/_all_docs',
    `/${ID}`,
    `/${ID}/${SECRET}`,
    `/_local/${SECRET}`,
    '/_design/x',
  ]
  const seen = async (db: string, method: string, path: string) => {
    const { status, text, headers } = await stranger.send(method, `/${db}${path}`)
    const kept = headerLines(headers).filter(line => !/^(date|x-request-id):/.test(line))
    return JSON.stringify([status, text, kept])
  }
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE'])
    for (const path of below) {
      const answers = [OWNERS_DB, userDbName('nobody'), 'recipes', 'no-such-database'].map(db =>
        seen(db, method, path),
      )
      t.equal(new Set(await Promise.all(answers)).size, 1, `${method} ${path}`)
    }
})
