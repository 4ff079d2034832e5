import type { Route } from '../../../server/http/route.ts'

/** A request as clients send it; what is not given they leave out. */
export type UsualRequest = {
  readonly route: string
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  /** JSON, or bytes as they are. */
  readonly body?: unknown
}

type Usual = Partial<Pick<UsualRequest, 'query' | 'headers' | 'body'>> & {
  /** What stands for `:doc`, `:name`, … */
  readonly names?: Readonly<Record<string, string>>
}

const doc = {
  _id: 'b',
  _rev: '1-a',
  _revisions: { start: 1, ids: ['a'] },
  type: 'x',
  list: [1, { deep: null }],
}
const attachments = {
  'f.txt': { content_type: 'text/plain', data: 'aGVsbG8=', revpos: 1 },
  'g.txt': {
    stub: true,
    content_type: 'text/plain',
    digest: 'md5-XrY7u+Ae7tCTyyK7j1rNww==',
    length: 11,
    revpos: 1,
  },
}
const SESSION = '0b3f5c1e-7d1f-4c0e-8a35-5f0c2d7b9a01'
const feed = { since: '0', limit: '3', style: 'all_docs', heartbeat: '10000', timeout: '20' }
const listing = { startkey: '"a"', endkey: '"z"', limit: '3', skip: '1', include_docs: 'true' }
const local = {
  session_id: 'x',
  last_seq: '1-abc',
  history: [{ session_id: 'x', last_seq: '1-abc' }],
  version: 1,
}

/** What clients send to the routes that take something. A route that is not here is sent `{}`, and nothing. */
const USUAL: Readonly<Record<string, readonly Usual[]>> = {
  'POST /_session': [{ body: { name: 'nobody-here', password: 'x' } }],
  'POST /api/auth/signup': [
    { body: { email: 'ann@example.org', password: 'as long as it must be', displayName: 'Ann' } },
  ],
  'POST /api/auth/login': [{ body: { email: 'ann@example.org', password: 'not hers' } }],
  'POST /api/sessions/:sessionId/metrics': [
    {
      names: { sessionId: SESSION },
      body: {
        deviceId: 'phone-1',
        samples: [{ timestamp: 7, load: 2.5, status: 0, x: null }, { timestamp: 9 }],
      },
    },
  ],
  'GET /api/sessions/:sessionId/metrics': [
    { names: { sessionId: SESSION }, query: { from: '7', to: '9', every: '1', deviceId: 'phone-1' } },
  ],
  'GET /api/sync/status': [{ query: { deviceId: 'phone-1' } }],
  'POST /api/sync/push': [
    {
      body: {
        deviceId: 'phone-1',
        deviceName: 'A phone',
        platform: 'android',
        lastSync: 0,
        sessions: [
          {
            clientId: SESSION,
            timestamp: 7,
            mode: 'OldSchool',
            targetReps: 10,
            weightPerCableKg: 20.5,
            deletedAt: null,
            createdAt: 7,
            updatedAt: 7,
          },
        ],
        gamificationStats: { clientId: '1', totalWorkouts: 1, updatedAt: 7 },
      },
    },
  ],
  'POST /api/sync/pull': [{ body: { deviceId: 'phone-1', lastSync: 0, limit: 2 } }],
  'GET /_uuids': [{ query: { count: '3' } }],
  'GET /_all_dbs': [{ query: { startkey: '"a"', limit: '3' } }],
  'GET /_dbs_info': [{ query: { startkey: '"a"', limit: '3' } }],
  'POST /_dbs_info': [{ body: { keys: ['_users', 'none'] } }],
  'GET /_db_updates': [
    { query: { since: '0', limit: '3', timeout: '20' } },
    { query: { feed: 'continuous', timeout: '20' } },
  ],
  'PUT /:db/_revs_limit': [{ body: 1000 }],
  'POST /:db/_purge': [{ body: { none: ['1-a'] } }],
  'POST /:db/_compact': [{ body: {} }],
  'GET /:db/_changes': [
    { query: { ...feed, feed: 'longpoll', include_docs: 'true', conflicts: 'true' } },
    { query: { ...feed, feed: 'continuous' }, headers: { Accept: 'application/json' } },
    { query: { feed: 'eventsource', timeout: '20' }, headers: { 'Last-Event-ID': '0' } },
    { query: { filter: '_doc_ids', doc_ids: '["a"]', descending: 'true' } },
  ],
  'POST /:db/_changes': [{ query: { ...feed, filter: '_doc_ids' }, body: { doc_ids: ['a', 'b'] } }],
  'POST /:db/_revs_diff': [{ body: { a: ['1-a', '2-b'], none: ['3-c'] } }],
  'POST /:db/_missing_revs': [{ body: { a: ['1-a', '2-b'] } }],
  'POST /:db/_bulk_get': [
    {
      query: { revs: 'true', latest: 'true', attachments: 'true' },
      body: { docs: [{ id: 'a', rev: '1-a', atts_since: ['1-a'] }, { id: 'none' }] },
    },
  ],
  'POST /:db/_bulk_docs': [
    { body: { docs: [doc, { ...doc, _id: 'c', _attachments: attachments }], new_edits: false } },
    { body: { docs: [{ _id: 'd', _deleted: true }, { v: 1 }, { _id: '_local/x', v: 1 }] } },
  ],
  'GET /:db/_all_docs': [
    { query: { ...listing, conflicts: 'true', descending: 'false' } },
    { query: { keys: '["a","none"]', attachments: 'true', include_docs: 'true', update_seq: 'true' } },
    { query: { key: '"a"', inclusive_end: 'true' } },
  ],
  'POST /:db/_all_docs': [
    { body: { keys: ['a', 'none'], include_docs: true, deleted: 'ok' } },
    { body: { startkey: 'a', endkey: 'z', limit: 3, skip: 1, descending: false, inclusive_end: true } },
  ],
  'POST /:db/_all_docs/queries': [{ body: { queries: [{ keys: ['a'] }, { startkey: 'a', limit: 1 }] } }],
  'GET /:db/_design_docs': [{ query: listing }],
  'GET /:db/_local_docs': [{ query: listing }],
  'GET /:db/:doc': [
    { query: { revs: 'true', revs_info: 'true', conflicts: 'true', local_seq: 'true', meta: 'true' } },
    { query: { open_revs: '["1-a","9-z"]', latest: 'true', revs: 'true' } },
    { query: { rev: '1-a', attachments: 'true', atts_since: '["1-a"]' } },
    { headers: { 'If-None-Match': '"1-a"' } },
  ],
  'PUT /:db/:doc': [
    {
      body: { ...doc, _id: 'e', _attachments: attachments },
      query: { new_edits: 'false' },
      names: { doc: 'e' },
    },
    { body: { _rev: '1-a', v: 2, _deleted: false }, query: { rev: '1-a' }, headers: { 'If-Match': '"1-a"' } },
  ],
  'DELETE /:db/:doc': [{ query: { rev: '9-z' } }],
  'POST /:db': [{ body: { ...doc, _id: 'f' } }],
  'PUT /:db/_design/:ddoc': [{ body: { views: {} } }],
  'GET /:db/:doc/*name': [
    {
      names: { name: 'f.txt' },
      headers: { Range: 'bytes=0-1', 'If-None-Match': '"x"' },
      query: { rev: '1-a' },
    },
  ],
  'PUT /:db/:doc/*name': [
    {
      names: { name: 'h.txt' },
      query: { rev: '1-a' },
      headers: { 'Content-Type': 'text/plain', 'Content-MD5': 'XrY7u+Ae7tCTyyK7j1rNww==' },
      body: Buffer.from('hello'),
    },
  ],
  'DELETE /:db/:doc/*name': [{ names: { name: 'f.txt' }, query: { rev: '9-z' } }],
  'PUT /:db/_local/:name': [{ body: { _id: '_local/x', ...local }, query: { rev: '0-1' } }],
  'PUT /:db/_local/:name/*rest': [{ body: local }],
}

/** The usual requests of a route. */
export function usualRequests(route: Pick<Route, 'method' | 'path'>, db: string): readonly UsualRequest[] {
  const { method, path } = route
  const name = `${method} ${path}`
  const takesBody = method === 'POST' || method === 'PUT'
  return (USUAL[name] ?? [takesBody ? { body: {} } : {}]).map(({ names = {}, ...usual }) => ({
    route: name,
    method,
    path: filled(path, {
      db: name === 'DELETE /:db' ? 'none' : db,
      doc: 'a',
      ddoc: 'dd',
      name: 'x',
      rest: 'y',
      ...names,
    }),
    query: {},
    ...usual,
    headers: { 'Content-Type': 'application/json', ...usual.headers },
  }))
}

function filled(path: string, names: Readonly<Record<string, string>>): string {
  return path.replaceAll(/[:*](\w+)/g, (_all, name: string) => names[name] ?? 'x')
}

/** With well-formed UTF-8 whatever is in it. */
export function queryText(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&')
}

function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString())
}
