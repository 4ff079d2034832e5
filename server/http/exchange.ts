import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Asker } from '../auth/asker.ts'
import type { Caller } from '../auth/caller.ts'
import type { CommonHead } from './head.ts'
import { CALL_ENDED, type OpenCalls } from './open-calls.ts'

/** The header by which a client's answer is found in the log. */
export const REQUEST_ID = 'X-Request-Id'
/** What proxies and clients number requests with. Anything else could be made to look like a line of the log. */
const GIVEN_ID = /^[A-Za-z0-9._-]{1,64}$/

/** Where a client is and what it calls this server, as far as its request can be believed. */
export type Whereabouts = {
  /** Scheme and host as the client wrote them. */
  origin(request: IncomingMessage): string
  address(request: IncomingMessage): string
}

/** What exchanges are made with. */
export type ExchangeParts = {
  readonly calls: OpenCalls
  readonly whereabouts: Whereabouts
  /** Whether anybody looks at `bytesBefore`. */
  readonly countsBytes: boolean
  /** The headers that every answer to a page of this origin has. */
  headersFor(origin: string | undefined): CommonHead
  /** Told of the end of each. */
  ended(exchange: Exchange): void
}

/**
 * One request with its answer, and what the shell comes to know of it. What few handlers ask for (a signal, the address) is made when it is
 * asked for: a request costs some fifty microseconds, and an `AbortController` three of them.
 */
export class Exchange implements Asker {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly begun = performance.now()
  /** What its connection had been sent before. */
  readonly bytesBefore: number
  /** The path as its route has it. */
  route: string | undefined
  caller: Caller | undefined
  readonly #parts: ExchangeParts
  #path: string | undefined
  #controller: AbortController | undefined
  #hasEnded = false

  constructor(parts: ExchangeParts, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts
    this.request = request
    this.response = response
    this.requestId = givenId(request.headers) ?? randomUUID().slice(-12)
    this.bytesBefore = parts.countsBytes ? request.socket.bytesWritten : 0
    parts.calls.add(this)
    response.once('close', () => {
      parts.calls.delete(this)
      this.end()
      parts.ended(this)
    })
  }

  get method(): string {
    return this.request.method ?? ''
  }

  get headers(): IncomingHttpHeaders {
    return this.request.headers
  }

  /** Without the query. */
  get path(): string {
    const { url = '' } = this.request
    const end = url.indexOf('?')
    return this.#path ?? (end === -1 ? url : url.slice(0, end))
  }

  set path(path: string) {
    this.#path = path
  }

  get origin(): string {
    return this.#parts.whereabouts.origin(this.request)
  }

  get address(): string {
    return this.#parts.whereabouts.address(this.request)
  }

  /** Aborts when the client is gone, the answer has been sent, or the server closes. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#hasEnded) this.#controller.abort(CALL_ENDED)
    return this.#controller.signal
  }

  end(): void {
    this.#hasEnded = true
    this.#controller?.abort(CALL_ENDED)
  }

  /** What the answer's head says, whatever it is, beside `REQUEST_ID`. */
  get commonHead(): CommonHead {
    return this.#parts.headersFor(this.request.headers.origin)
  }
}

function givenId(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['x-request-id']
  return typeof given === 'string' && GIVEN_ID.test(given) ? given : undefined
}
