import type { IncomingHttpHeaders } from 'node:http'
import type { Request, Response } from 'express'
import type { Logger } from 'pino'
import type { Access } from '../auth/access.ts'
import type { Asker } from '../auth/asker.ts'
import type { Caller } from '../auth/caller.ts'
import { CouchError } from '../couch-error.ts'
import { writeAnswer } from './answer.ts'
import type { ArrivingBodies, BodyRoom } from './arriving-bodies.ts'
import { bodyStream } from './body-stream.ts'
import { callerKey } from './caller-key.ts'
import { requireJsonContent } from './content-type.ts'
import { type ErrorAnswer, errorAnswer, withoutBody } from './error-answer.ts'
import { heldAnswer } from './held-answer.ts'
import { readJson } from './json-body.ts'
import type { OpenCalls } from './open-calls.ts'
import { parametersOf, parseQuery } from './query.ts'
import { noteCaller, noteRoute, REQUEST_ID } from './request-log.ts'
import type { Answered } from './request-meter.ts'
import type { Answer, Call, Route } from './route.ts'
import { allowedMethods, type PathRoutes, routeFor } from './route-table.ts'
import { timeLimited } from './time-limited.ts'
import type { UnreadAnswers } from './unread-answers.ts'

/** What the shell is told by those who know the protocol and the accounts. */
export type Shell = {
  readonly routes: readonly Route[]
  /** Who is asking. Throws `unauthorized` for credentials that do not hold. */
  authenticate(asker: Asker): Promise<Caller>
  /** Who is asking, as far as his token tells. Never throws for credentials. */
  recognize(asker: Asker): Caller
  /** Whether he may. Returns the real name of the database that the path names as `:db`. */
  admit(access: Access, caller: Caller, database: string | undefined): string | undefined
  /** Whether an error of this status must reach the client without a body. */
  isBodilessError(status: number, path: string, headers: IncomingHttpHeaders): boolean
  readonly calls: OpenCalls
  /** Waits until there is room for a large body of so many bytes as parsed JSON. Returns how to give the room back. */
  admitBody(bytes: number, signal: AbortSignal, caller: Caller): Promise<() => void>
  /** Where bodies that are being read are counted. */
  readonly arriving: ArrivingBodies
  /** Where answers that clients have not read yet are counted. */
  readonly unread: UnreadAnswers
  /** Told of the end of each request. */
  answered?(answered: Answered): void
  readonly log: Logger
  readonly corsOrigins: readonly string[]
  readonly trustProxy: boolean
  /** Whether answers are compressed for the clients that ask for it. */
  readonly gzip: boolean
  /** What the `Server` header says. */
  readonly serverName: string
}

/** How long a large body waits for room. */
const MAX_WAIT_MS = 60_000

/** Answers a request for a path that has routes. The order is the point: who, may he, is it well-formed, then the work. */
export async function dispatch(
  shell: Shell,
  routes: PathRoutes,
  request: Request,
  response: Response,
): Promise<void> {
  const signal = shell.calls.open(response)
  refuseWhenClosed(shell)
  const route = routeFor(routes, request.method)
  const params = joinedParams(request.params)
  const asker = askerOf(request)
  noteRoute(response, routes.path)
  const { caller, database } = await admitted(shell, route ?? anyOf(routes), asker, params.db)
  noteCaller(response, caller)
  if (route === undefined) throw methodNotAllowed(routes)
  const { enter, leave } = enterer(shell, response, { signal, caller })
  const call: Call = {
    ...asker,
    params: database === undefined ? params : { ...params, db: database },
    query: queryOf(route, request),
    ...(await bodyOf(route, request, { room: shell.arriving.of(callerKey(caller), response), enter })),
    leaveRoom: leave,
    caller,
    signal,
  }
  await answer(shell, route, call, response)
}

/** Reading may be done twice; what writes, and what goes out without a body, needs no room before. */
async function answer({ unread, gzip }: Shell, route: Route, call: Call, response: Response): Promise<void> {
  const room = unread.of(callerKey(call.caller), call.signal)
  const make = async () => withRenewal(await route.handle(call), call.caller)
  if (call.method === 'HEAD') return writeAnswer(response, await make(), { gzip })
  const { answer, giveBack } = await heldAnswer(make, call.method === 'GET', room)
  try {
    await writeAnswer(response, answer, { gzip, room: giveBack === undefined ? room : undefined })
  } finally {
    giveBack?.()
  }
}

/** What is not listed is for admins, and to them it is not there. */
export async function dispatchUnknown(shell: Shell, request: Request): Promise<never> {
  refuseWhenClosed(shell)
  await admitted(shell, { access: 'admin' }, askerOf(request), undefined)
  throw new CouchError('not_found', 'There is nothing at this path.')
}

/** Answers with what was thrown. */
export async function dispatchError(
  shell: Shell,
  thrown: unknown,
  request: Request,
  response: Response,
): Promise<void> {
  const error = errorAnswer(thrown)
  const { path } = request
  logFailure(shell, { thrown, error }, request, response)
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const isBodiless = shell.isBodilessError(error.status, path, request.headers)
  await writeAnswer(response, isBodiless ? withoutBody(error) : error.answer, shell)
}

/** Bugs, and what only the operator can put right, such as a full disk; a client's mistakes are his own. */
function logFailure(
  { log, calls }: Shell,
  { thrown, error }: { readonly thrown: unknown; readonly error: ErrorAnswer },
  request: Request,
  response: Response,
): void {
  const isGone = response.destroyed || (request.destroyed && !request.complete)
  if (error.status < 500 || isGone || (calls.areClosed && !error.isBug)) return
  const { method, path } = request
  const about = { err: thrown, requestId: response.getHeader(REQUEST_ID), method, path }
  if (error.isBug) log.error(about, 'a bug')
  else log.warn(about, 'refused')
}

async function admitted(
  shell: Shell,
  { access }: Pick<Route, 'access'>,
  asker: Asker,
  named: string | undefined,
): Promise<{ readonly caller: Caller; readonly database: string | undefined }> {
  const caller: Caller = access === 'everyone' ? shell.recognize(asker) : await shell.authenticate(asker)
  return { caller, database: shell.admit(access, caller, named) }
}

function askerOf(request: Request): Asker {
  return {
    method: request.method,
    headers: request.headers,
    origin: `${request.protocol}://${request.host ?? ''}`,
    address: request.ip ?? '',
  }
}

/** A session goes on with the answers it gets. No cache that others share may keep one, unless the handler knows better. */
function withRenewal(answer: Answer, caller: Caller): Answer {
  const renewal = caller.kind === 'admin' ? caller.session?.renewal : undefined
  if (renewal === undefined) return answer
  const headers = { 'Cache-Control': 'private, must-revalidate', ...answer.headers, 'Set-Cookie': renewal }
  return { ...answer, headers }
}

function refuseWhenClosed(shell: Shell): void {
  if (!shell.calls.areClosed) return
  const headers = { Connection: 'close', 'Retry-After': '1' }
  throw new CouchError('service_unavailable', 'The server is stopping.', { headers })
}

/** The route whose access decides who learns that a method is not there. */
function anyOf(routes: PathRoutes): Route {
  const [route] = routes.byMethod.values()
  if (route === undefined) throw new Error(`${routes.path} has no route`)
  return route
}

function methodNotAllowed(routes: PathRoutes): CouchError {
  const allow = allowedMethods(routes).join(',')
  return new CouchError('method_not_allowed', `Only ${allow} allowed`, { headers: { Allow: allow } })
}

/** A wildcard's segments become one name again: `a/b`. */
function joinedParams(params: Readonly<Record<string, string | string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  )
}

function queryOf(route: Route, request: Request): unknown {
  const query = parametersOf(request.url)
  return route.query === undefined ? query : parseQuery(route.query, query)
}

async function bodyOf(
  route: Route,
  request: Request,
  { room, enter }: { readonly room: BodyRoom; enter(bytes: number): Promise<void> },
): Promise<Pick<Call, 'body' | 'stream'>> {
  if (route.body === undefined) return { body: undefined, stream: request }
  if (route.body.kind === 'stream') return { body: undefined, stream: bodyStream(request, room) }
  if (route.method === 'POST') requireJsonContent(request.headers)
  const { schema, maxBytes } = route.body
  return { body: await readJson(bodyStream(request, room), schema, { maxBytes, enter }), stream: request }
}

function tooManyBodies(cause: unknown): CouchError {
  const headers = { 'Retry-After': '10' }
  return new CouchError('service_unavailable', 'Too many large bodies at once.', { cause, headers })
}

type Entering = { readonly signal: AbortSignal; readonly caller: Caller }

/** A large body takes its room until its answer is at its end, which is how long most handlers need it, or until `leave`. */
function enterer({ admitBody }: Shell, response: Response, { signal, caller }: Entering) {
  let leave = () => {}
  return {
    leave: () => leave(),
    async enter(bytes: number) {
      const waiting = timeLimited(signal, MAX_WAIT_MS)
      leave = await admitBody(bytes, waiting.signal, caller)
        .catch(cause => {
          throw signal.aborted ? cause : tooManyBodies(cause)
        })
        .finally(waiting.end)
      if (response.closed) leave()
      else response.once('close', leave)
    },
  }
}
