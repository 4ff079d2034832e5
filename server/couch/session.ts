import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { Caller } from '../auth/caller.ts'
import { CouchError } from '../couch-error.ts'
import { mediaType } from '../http/content-type.ts'
import { parseJson } from '../http/json-body.ts'
import { describeIssues } from '../http/query.ts'
import { readBytes } from '../http/read-bytes.ts'
import type { Answer, Call, Route } from '../http/route.ts'
import type { CouchContext } from './couch-context.ts'
import { USERS_DATABASE } from './databases/checked-database-name.ts'
import { ownPath } from './own-path.ts'

/** A name and a password; who sends more has something else in mind. */
const MAX_LOGIN_BYTES = 16 * 1024
const ADMIN_ROLES = ['_admin'] as const

type SessionQuery = { readonly next?: string | undefined }
type Login = { readonly name: string; readonly password: string }

const query = z.looseObject({ next: z.string().optional() })
/** CouchDB knows the name by either word. */
const loginSchema = z
  .looseObject({ name: z.string().optional(), username: z.string().optional(), password: z.string() })
  .refine(({ name, username }) => (name ?? username) !== undefined, {
    path: ['name'],
    error: 'it is missing',
  })
  .refine(({ name, username }) => name === undefined || username === undefined || name === username, {
    path: ['username'],
    error: 'it is another than "name"',
  })
  .transform(({ name, username, password }): Login => ({ name: name ?? username ?? '', password }))

/**
 * Who the server takes the caller for, and sessions with a cookie, for admins: their browsers (Fauxton), and CouchDB's
 * replicator, which logs in first when it was given a name and a password. With anything but an admin's it is told
 * 401, and says so in its own log. A token it sends with each request, and never comes here.
 */
export function sessionRoutes({
  adminSessions: sessions,
}: Pick<CouchContext, 'adminSessions'>): readonly Route[] {
  const path = '/_session'
  const login = async (call: Call<SessionQuery>): Promise<Answer> => {
    const next = ownPath(call.query.next)
    const { name, password } = await readLogin(call)
    const { setCookie } = await sessions.begin(call, name, password)
    return answer(next, setCookie, { ok: true, name, roles: ADMIN_ROLES })
  }
  const logout = (call: Call<SessionQuery>): Answer =>
    answer(ownPath(call.query.next), sessions.end(call), { ok: true })
  return [
    { method: 'GET', path, access: 'public', handle: call => ({ json: session(call.caller) }) },
    { method: 'POST', path, access: 'everyone', query, body: { kind: 'stream' }, handle: login } as Route,
    { method: 'DELETE', path, access: 'everyone', query, handle: logout } as Route,
  ]
}

function answer(next: string | undefined, setCookie: string, json: unknown): Answer {
  const headers = { 'Set-Cookie': setCookie, 'Cache-Control': 'no-store' }
  return next === undefined
    ? { json, headers }
    : { status: 302, json, headers: { ...headers, Location: next } }
}

async function readLogin({ headers, stream }: Call): Promise<Login> {
  const parse = PARSERS.get(mediaType(headers))
  if (parse === undefined) {
    const known = [...PARSERS.keys()].join(' or ')
    throw new CouchError('bad_content_type', `Content-Type must be ${known}`)
  }
  const login = loginSchema.safeParse(parse(await readBytes(stream as Readable, checkSize)))
  if (login.success) return login.data
  throw new CouchError('bad_request', describeIssues(login.error, 'Invalid body'))
}

function checkSize(length: number): void {
  if (length > MAX_LOGIN_BYTES)
    throw new CouchError('too_large', `The body is larger than ${MAX_LOGIN_BYTES} bytes.`)
}

const PARSERS: ReadonlyMap<string, (bytes: Buffer) => unknown> = new Map([
  ['application/json', parseJson],
  ['application/x-www-form-urlencoded', parseForm],
])

function parseForm(bytes: Buffer): unknown {
  return Object.fromEntries(new URLSearchParams(bytes.toString('utf8')))
}

function session(caller: Caller) {
  return {
    ok: true,
    userCtx: userCtx(caller),
    info: {
      authentication_handlers: ['jwt', 'cookie', 'default'],
      authentication_db: USERS_DATABASE,
      authenticated: handlerOf(caller),
    },
  }
}

/** In CouchDB's words; absent for who brought nothing. */
function handlerOf(caller: Caller): 'jwt' | 'cookie' | 'default' | undefined {
  if (caller.kind === 'anonymous') return undefined
  if (caller.kind === 'user') return 'jwt'
  return caller.session === undefined ? 'default' : 'cookie'
}

function userCtx(caller: Caller): { readonly name: string | null; readonly roles: readonly string[] } {
  switch (caller.kind) {
    case 'anonymous':
      return { name: null, roles: [] }
    case 'user':
      return { name: caller.sub, roles: [] }
    case 'admin':
      return { name: caller.name, roles: ADMIN_ROLES }
  }
}
