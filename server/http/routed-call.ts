import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Caller } from '../auth/caller.ts'
import { CouchError } from '../couch-error.ts'
import { bodyStream } from './body-stream.ts'
import { callerKey } from './caller-key.ts'
import { requireJsonContent } from './content-type.ts'
import type { Shell } from './dispatch.ts'
import type { Exchange } from './exchange.ts'
import { readBody, readJson } from './json-body.ts'
import type { Call, Route } from './route.ts'
import { isSmallBody, smallBody } from './small-body.ts'
import { timeLimited } from './time-limited.ts'

/** How long a large body waits for room. */
const MAX_WAIT_MS = 60_000

/** What of the shell a call needs. */
type Rooms = Pick<Shell, 'admitBody' | 'arriving'>

/** What dispatching found out about a request. */
type Routed = {
  readonly caller: Caller
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
}

/** What a handler sees of an exchange. */
export class RoutedCall implements Call {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly caller: Caller
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
  body: unknown
  readonly #shell: Rooms
  readonly #exchange: Exchange
  #stream: Readable | undefined
  #leave = () => {}

  constructor(shell: Rooms, exchange: Exchange, { caller, params, query }: Routed) {
    this.#shell = shell
    this.#exchange = exchange
    this.method = exchange.method
    this.headers = exchange.headers
    this.caller = caller
    this.params = params
    this.query = query
  }

  get origin(): string {
    return this.#exchange.origin
  }

  get address(): string {
    return this.#exchange.address
  }

  get signal(): AbortSignal {
    return this.#exchange.signal
  }

  get stream(): Readable {
    this.#stream ??= this.#openStream()
    return this.#stream
  }

  bytes(maxBytes: number): Promise<Buffer> {
    const { request } = this.#exchange
    return this.#stream === undefined && isSmallBody(request, maxBytes)
      ? smallBody(request)
      : readBody(this.stream, maxBytes)
  }

  /** Reads a body that the handler wants as JSON; an encoding that nobody knows is refused before any handler runs. */
  takeBody({ method, body }: Route): Promise<void> | undefined {
    if (body?.kind === 'json') {
      if (method === 'POST') requireJsonContent(this.headers)
      return this.#takeJson(body)
    }
    if (body !== undefined && this.headers['content-encoding'] !== undefined)
      this.#stream ??= this.#openStream()
    return undefined
  }

  async #takeJson(body: Extract<Route['body'], { readonly kind: 'json' }>): Promise<void> {
    const bytes = await this.bytes(body.maxBytes)
    this.body = await readJson(bytes, body, bytes => this.#enter(bytes))
  }

  leaveRoom(): void {
    this.#leave()
  }

  #openStream(): Readable {
    const { request, response } = this.#exchange
    return bodyStream(request, this.#shell.arriving.of(callerKey(this.caller), response))
  }

  /** A large body takes its room until its answer is at its end, which is how long most handlers need it, or until `leaveRoom`. */
  async #enter(bytes: number): Promise<void> {
    const { signal, response } = this.#exchange
    const waiting = timeLimited(signal, MAX_WAIT_MS)
    this.#leave = await this.#shell
      .admitBody(bytes, waiting.signal, this.caller)
      .catch(cause => {
        throw signal.aborted ? cause : tooManyBodies(cause)
      })
      .finally(waiting.end)
    if (response.closed) this.#leave()
    else response.once('close', this.#leave)
  }
}

function tooManyBodies(cause: unknown): CouchError {
  const headers = { 'Retry-After': '10' }
  return new CouchError('service_unavailable', 'Too many large bodies at once.', { cause, headers })
}
