/** Every kind of credentials a request can come with. */
export type Asker =
  | 'no token'
  | 'own token'
  | 'another user'
  | 'expired'
  | 'HS512'
  | 'none'
  | 'wrong secret'
  | 'wrong issuer'
  | 'wrong audience'
  | 'no sub'
  | 'admin, wrong password'
  | 'admin'
  | 'session'
  | 'session that ran out'
  | 'forged session'
  | 'session, another origin'

/** `in`: he is let through, whatever the route says to an empty request: no 401, 403 or 5xx. */
export type Verdict = 'in' | 401 | 403

const BAD_CREDENTIALS = {
  expired: 401,
  HS512: 401,
  none: 401,
  'wrong secret': 401,
  'wrong issuer': 401,
  'wrong audience': 401,
  'no sub': 401,
  'admin, wrong password': 401,
} as const

const IGNORED_CREDENTIALS = {
  expired: 'in',
  HS512: 'in',
  none: 'in',
  'wrong secret': 'in',
  'wrong issuer': 'in',
  'wrong audience': 'in',
  'no sub': 'in',
  'admin, wrong password': 'in',
} as const

/** A session that does not hold is no session at all. */
const BAD_SESSIONS = {
  'session that ran out': 401,
  'forged session': 401,
  'session, another origin': 401,
} as const

const IGNORED_SESSIONS = {
  'session that ran out': 'in',
  'forged session': 'in',
  'session, another origin': 'in',
} as const

type Row = Readonly<Record<Asker, Verdict>>

/** Nobody is even asked. */
const open: Row = {
  ...IGNORED_CREDENTIALS,
  ...IGNORED_SESSIONS,
  'no token': 'in',
  'own token': 'in',
  'another user': 'in',
  admin: 'in',
  session: 'in',
}
/** Anybody, but not with false papers. */
const anybody: Row = {
  ...BAD_CREDENTIALS,
  ...IGNORED_SESSIONS,
  'no token': 'in',
  'own token': 'in',
  'another user': 'in',
  admin: 'in',
  session: 'in',
}
const owner: Row = {
  ...BAD_CREDENTIALS,
  ...BAD_SESSIONS,
  'no token': 401,
  'own token': 'in',
  'another user': 403,
  admin: 'in',
  session: 'in',
}
const admin: Row = {
  ...BAD_CREDENTIALS,
  ...BAD_SESSIONS,
  'no token': 401,
  'own token': 403,
  'another user': 403,
  admin: 'in',
  session: 'in',
}

/** Written out by hand: it says nothing the code could be asked for. */
export const EXPECTED: Readonly<Record<string, Row>> = {
  'GET /': open,
  'GET /_up': open,
  'GET /_uuids': anybody,
  'GET /_session': anybody,
  'POST /_session': open,
  'DELETE /_session': open,
  'GET /_active_tasks': admin,
  'GET /_all_dbs': admin,
  'GET /_dbs_info': admin,
  'POST /_dbs_info': admin,
  'GET /_db_updates': admin,
  'GET /:db': owner,
  'PUT /:db': owner,
  'DELETE /:db': admin,
  'POST /:db': owner,
  'GET /:db/_revs_limit': owner,
  'PUT /:db/_revs_limit': admin,
  'GET /:db/_security': owner,
  'POST /:db/_ensure_full_commit': owner,
  'POST /:db/_compact': admin,
  'POST /:db/_compact/:ddoc': admin,
  'POST /:db/_view_cleanup': admin,
  'POST /:db/_purge': admin,
  'GET /:db/_changes': owner,
  'POST /:db/_changes': owner,
  'POST /:db/_revs_diff': owner,
  'POST /:db/_missing_revs': owner,
  'POST /:db/_bulk_get': owner,
  'POST /:db/_bulk_docs': owner,
  'GET /:db/_all_docs': owner,
  'POST /:db/_all_docs': owner,
  'POST /:db/_all_docs/queries': owner,
  'GET /:db/_design_docs': owner,
  'GET /:db/_local_docs': owner,
  'GET /:db/:doc': owner,
  'PUT /:db/:doc': owner,
  'DELETE /:db/:doc': owner,
  'GET /:db/_design/:ddoc': owner,
  'PUT /:db/_design/:ddoc': admin,
  'DELETE /:db/_design/:ddoc': admin,
  'GET /:db/:doc/*name': owner,
  'PUT /:db/:doc/*name': owner,
  'DELETE /:db/:doc/*name': owner,
  'GET /:db/_design/:ddoc/*name': owner,
  'PUT /:db/_design/:ddoc/*name': admin,
  'DELETE /:db/_design/:ddoc/*name': admin,
  'GET /:db/_local/:name': owner,
  'PUT /:db/_local/:name': owner,
  'DELETE /:db/_local/:name': owner,
  'GET /:db/_local/:name/*rest': owner,
  'PUT /:db/_local/:name/*rest': owner,
  'DELETE /:db/_local/:name/*rest': owner,
}
