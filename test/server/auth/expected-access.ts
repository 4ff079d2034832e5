/**
 * What a request's credentials make of whoever sends it. A session that does not hold, or comes from a page of another
 * origin, is no session at all: `nobody`.
 */
export type Standing = 'nobody' | 'owner' | 'stranger' | 'bad token' | 'bad password' | 'admin'

/** `in`: he is let through, whatever the route says to an empty request: no 401, 403 or 5xx. */
export type Verdict = 'in' | 401 | 403

export type Row = Readonly<Record<Standing, Verdict>> & {
  /** The reasons that are told; of bad credentials it is what is wrong with them. */
  readonly unauthorized?: string
  readonly forbidden?: string
  /** What the owner of a database is told instead. */
  readonly forbiddenToOwner?: string
}

/** Nobody is even asked. */
const open: Row = {
  nobody: 'in',
  owner: 'in',
  stranger: 'in',
  'bad token': 'in',
  'bad password': 'in',
  admin: 'in',
}
/** Anybody, but not with false papers. */
const anybody: Row = { ...open, 'bad token': 401, 'bad password': 401 }
const owner: Row = {
  ...anybody,
  nobody: 401,
  stranger: 403,
  unauthorized: 'You are not authorized to access this db.',
  forbidden: 'You are not allowed to access this db.',
}
const admin: Row = {
  ...anybody,
  nobody: 401,
  owner: 403,
  stranger: 403,
  unauthorized: 'You are not a server admin.',
  forbidden: 'You are not a server admin.',
}
/** What is a user's own without a database being named. */
const user: Row = {
  ...anybody,
  nobody: 401,
  admin: 403,
  unauthorized: 'Log in first.',
  forbidden: 'Only a user has this; you are a server admin.',
}
/** In his own database a user meets the refusal of the document itself. */
const designDoc: Row = { ...owner, owner: 403, forbiddenToOwner: 'Only admins may write design documents.' }
/** A path that no route has: to admins it is not there. */
export const UNKNOWN: Row = admin

/** Written out by hand: it says nothing the code could be asked for. */
export const EXPECTED: Readonly<Record<string, Row>> = {
  'GET /': open,
  'GET /_up': open,
  'GET /health': open,
  'GET /metrics': admin,
  'POST /api/auth/signup': open,
  'POST /api/auth/login': open,
  'GET /api/auth/me': user,
  'POST /api/sessions/:sessionId/metrics': user,
  'GET /api/sessions/:sessionId/metrics': user,
  'GET /api/sync/status': user,
  'POST /api/sync/push': user,
  'POST /api/sync/pull': user,
  'GET /api/sync/devices': user,
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
  'GET /:db/_problems': owner,
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
  'PUT /:db/_design/:ddoc': designDoc,
  'DELETE /:db/_design/:ddoc': designDoc,
  'GET /:db/:doc/*name': owner,
  'PUT /:db/:doc/*name': owner,
  'DELETE /:db/:doc/*name': owner,
  'GET /:db/_design/:ddoc/*name': owner,
  'PUT /:db/_design/:ddoc/*name': designDoc,
  'DELETE /:db/_design/:ddoc/*name': designDoc,
  'POST /:db/_find': owner,
  'POST /:db/_explain': owner,
  'GET /:db/_index': owner,
  'POST /:db/_index': owner,
  'DELETE /:db/_index/*name': owner,
  'POST /:db/_temp_view': owner,
  'GET /:db/_design/:ddoc/_info': owner,
  'GET /:db/_design/:ddoc/_view/:view': owner,
  'POST /:db/_design/:ddoc/_view/:view': owner,
  'POST /:db/_design/:ddoc/_view/:view/queries': owner,
  'GET /:db/_local/:name': owner,
  'PUT /:db/_local/:name': owner,
  'DELETE /:db/_local/:name': owner,
  'GET /:db/_local/:name/*rest': owner,
  'PUT /:db/_local/:name/*rest': owner,
  'DELETE /:db/_local/:name/*rest': owner,
}
