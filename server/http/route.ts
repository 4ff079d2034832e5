import type { IncomingHttpHeaders } from 'node:http'
import type { ZodType } from 'zod'
import type { Access } from '../auth/access.ts'
import type { Caller } from '../auth/caller.ts'

/**
 * A route is data: what it answers to, who may call it, what it takes, and a handler from parsed input to an answer.
 * Only this folder knows requests and responses; handlers of the protocol never see them.
 */
export type Route<Query = unknown, Body = unknown> = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  /** An Express 5 path: `/:db/_changes`, `/:db/:doc/*name`. */
  readonly path: string
  /** Looked up in the access table (auth/access.ts). */
  readonly access: Access
  /** Parses the query, given as strings by name. Its issues become a 400 that names the parameter. */
  readonly query?: ZodType<Query> | undefined
  /** How the body is read. Absent: it is not read. */
  readonly body?: BodyReader<Body> | undefined
  /** What the access table forbids is answered before this runs, and so is input that does not parse. */
  handle(call: Call<Query, Body>): Answer | Promise<Answer>
}

export type BodyReader<Body> =
  /** JSON in memory, at most `maxBytes` and `maxValues` (200,000 without it), checked by the schema. */
  | {
      readonly kind: 'json'
      readonly schema: ZodType<Body>
      readonly maxBytes: number
      readonly maxValues?: number | undefined
    }
  /** The handler reads `call.stream` itself, decompressed; `call.body` is undefined. */
  | { readonly kind: 'stream' }

/** One request, parsed and authorized. */
export type Call<Query = unknown, Body = unknown> = {
  readonly method: string
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly headers: IncomingHttpHeaders
  readonly caller: Caller
  /** The body's bytes, for `stream` routes. */
  readonly stream: NodeJS.ReadableStream
  /** The same, all of them at once; not both. @throws CouchError `too_large` */
  bytes(maxBytes: number): Promise<Buffer>
  /** Gives back the room that a large JSON body took, once next to nothing of it is needed: for answers that take their time. */
  leaveRoom?(): void
  /** Aborts when the client is gone, the server closes, or the answer has been sent. */
  readonly signal: AbortSignal
  /** Scheme and host as the client wrote them, for `Location`. */
  readonly origin: string
  /** Where the client is, as far as it can be believed. */
  readonly address: string
}

/** What a handler answers. HEAD is answered by the GET route without its body. */
export type Answer = {
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
} & (
  | { readonly json: unknown }
  /** JSON that is text already. */
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
  /** A body written piece by piece. A throw before the first write becomes an error answer, later it cuts the socket. */
  | {
      readonly write: (out: Out) => Promise<void>
      /** What `write` holds already may be large: while too much waits for clients it is forgotten, and a `GET` is handled again later. */
      readonly isRead?: boolean | undefined
    }
  | { readonly empty: true }
)

/** Where a streamed body goes. */
export type Out = {
  /** Resolves at once while the socket keeps up, else when it has drained. Rejects with an AbortError once it is closed. */
  write(chunk: string | Uint8Array): Promise<void> | undefined
  readonly signal: AbortSignal
  /**
   * To be asked before a read that may be large, such as a page with documents' bodies: a promise while so much waits for clients that
   * this has to wait, too. What is read then must be written, or dropped, before the next wait for anything else.
   */
  room?(): Promise<void> | undefined
  /** Counts bytes that are held elsewhere until they can be written. Returns how to give them back. */
  hold?(bytes: number): () => void
}
