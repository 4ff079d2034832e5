import type { IncomingHttpHeaders } from 'node:http'
import type { Logger } from 'pino'
import type { Access } from '../auth/access.ts'
import type { Asker } from '../auth/asker.ts'
import type { Caller } from '../auth/caller.ts'
import { CouchError } from '../couch-error.ts'
import { writeAnswer } from './answer.ts'
import type { ArrivingBodies } from './arriving-bodies.ts'
import { callerKey } from './caller-key.ts'
import { type ErrorAnswer, errorAnswer, isApiPath, withoutBody } from './error-answer.ts'
import type { Exchange } from './exchange.ts'
import { heldAnswer } from './held-answer.ts'
import type { OpenCalls } from './open-calls.ts'
import type { Found } from './path-table.ts'
import { parametersOf, parseQuery } from './query.ts'
import type { Answered } from './request-meter.ts'
import type { Answer, Call, Route } from './route.ts'
import { allowedMethods, type PathRoutes, routeFor } from './route-table.ts'
import { RoutedCall } from './routed-call.ts'
import type { UnreadAnswers } from './unread-answers.ts'

/** What the shell is told by those who know the protocol and the accounts. */
export type Shell = {
  readonly routes: readonly Route[]
  /** Who is asking. Throws `unauthorized` for credentials that do not hold. */
  authenticate(asker: Asker): Caller | Promise<Caller>
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

/**
 * Answers a request for a path that has routes. The order is the point: who, may he, is it well-formed, then the work. What is known at
 * once is not waited for: a dozen promises cost as much as the document that was asked for.
 */
export async function dispatch(shell: Shell, { routes, params }: Found, exchange: Exchange): Promise<void> {
  refuseWhenClosed(shell)
  // What `/:db/…` would take for a database.
  if (isApiPath(exchange.path) && !isApiPath(routes.path)) throw nothingHere()
  const route = routeFor(routes, exchange.method)
  exchange.route = routes.path
  const { access } = route ?? anyOf(routes)
  const asking = callerOf(shell, access, exchange)
  const caller = asking instanceof Promise ? await asking : asking
  const database = shell.admit(access, caller, params.db)
  exchange.caller = caller
  if (route === undefined) throw methodNotAllowed(routes)
  const call = new RoutedCall(shell, exchange, {
    caller,
    params: database === params.db ? params : { ...params, db: database ?? '' },
    query: queryOf(route, exchange.request.url ?? ''),
  })
  const taken = call.takeBody(route)
  if (taken !== undefined) await taken
  await answer(shell, route, call, exchange)
}

/** Reading may be done twice; what writes, and what goes out without a body, needs no room before. */
async function answer(shell: Shell, route: Route, call: Call, exchange: Exchange): Promise<void> {
  const { gzip, unread } = shell
  const { caller, method } = call
  const make = () => route.handle(call)
  if (method === 'HEAD') return writeAnswer(exchange, withRenewal(await make(), caller), { gzip })
  const holding = heldAnswer(make, method === 'GET', () => unread.of(callerKey(caller), call.signal))
  const { answer, room, giveBack } = holding instanceof Promise ? await holding : holding
  try {
    await writeAnswer(exchange, withRenewal(answer, caller), { gzip, room })
  } finally {
    giveBack?.()
  }
}

/** What is not listed is for admins, and to them it is not there. A client of the API is told as much, whoever it is. */
export async function dispatchUnknown(shell: Shell, exchange: Exchange): Promise<never> {
  refuseWhenClosed(shell)
  if (!isApiPath(exchange.path)) shell.admit('admin', await shell.authenticate(exchange), undefined)
  throw nothingHere()
}

function nothingHere(): CouchError {
  return new CouchError('not_found', 'There is nothing at this path.')
}

/** Answers with what was thrown. */
export async function dispatchError(shell: Shell, thrown: unknown, exchange: Exchange): Promise<void> {
  const { response, path, headers } = exchange
  const error = errorAnswer(thrown, path)
  logFailure(shell, { thrown, error }, exchange)
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const isBodiless = shell.isBodilessError(error.status, path, headers)
  await writeAnswer(exchange, isBodiless ? withoutBody(error) : error.answer, shell)
}

/** Bugs, and what only the operator can put right, such as a full disk; a client's mistakes are his own. */
function logFailure(
  { log, calls }: Shell,
  { thrown, error }: { readonly thrown: unknown; readonly error: ErrorAnswer },
  { request, response, requestId, method, path }: Exchange,
): void {
  const isGone = response.destroyed || (request.destroyed && !request.complete)
  if (error.status < 500 || isGone || (calls.areClosed && !error.isBug)) return
  const about = { err: thrown, requestId, method, path }
  if (error.isBug) log.error(about, 'a bug')
  else log.warn(about, 'refused')
}

function callerOf(shell: Shell, access: Access, asker: Asker): Caller | Promise<Caller> {
  return access === 'everyone' ? shell.recognize(asker) : shell.authenticate(asker)
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

/** What routes make of a URL without parameters, which most are. */
const withoutParameters = new WeakMap<Route, unknown>()

function queryOf(route: Route, url: string): unknown {
  if (url.includes('?')) return parsedQuery(route, url)
  const known = withoutParameters.get(route)
  if (known !== undefined) return known
  const query = Object.freeze(parsedQuery(route, url))
  withoutParameters.set(route, query)
  return query
}

function parsedQuery({ query: schema }: Route, url: string): unknown {
  const query = parametersOf(url)
  return schema === undefined ? query : parseQuery(schema, query)
}
