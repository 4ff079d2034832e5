import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { getHeapStatistics } from 'node:v8'
import { CouchError } from '../couch-error.ts'
import { ByteShares } from './byte-shares.ts'

/** Bodies up to here need no room. */
const LIGHT_BYTES = 64 * 1024
const MAX_BYTES = 256 * 1024 * 1024
/** They are not on the heap, but what they become will be. */
const HEAP_SHARE = 1 / 2
/** How long a body waits for room, */
const MAX_WAIT_MS = 60_000
/** how often it looks who takes it, */
const LOOK_MS = 5_000
/** and how long one may bring nothing to speak of while others wait. */
const SILENT_MS = 10_000

type Waiting = { readonly bytes: number; pass(): void; refuse(reason: CouchError): void }

/** The room of one body, while it arrives and until it is answered. */
export class BodyRoom {
  readonly caller: string
  held = 0
  movedAt = 0
  waiting: Waiting | undefined
  readonly #bodies: ArrivingBodies
  readonly #response: ServerResponse
  #stream: Readable | undefined
  /** It goes when its answer does. */
  #isKnown = false

  constructor(bodies: ArrivingBodies, caller: string, response: ServerResponse) {
    this.#bodies = bodies
    this.caller = caller
    this.#response = response
  }

  /** The stream whose readers this is the room of. */
  bind(stream: Readable): void {
    this.#stream = stream
    // Whoever reads it hears of errors; if nobody does any more, they must not end the process.
    stream.on('error', () => {})
    rooms.set(stream, this)
  }

  /** Some bytes have come, enough to tell it from a client that only keeps its place. */
  moved(): void {
    if (this.held > 0) this.movedAt = Date.now()
  }

  /** So many bytes of the body are in memory now. A promise if there is no room for them yet; rejects if there will be none. */
  keep(bytes: number): Promise<void> | undefined {
    const wanted = bytes > LIGHT_BYTES ? bytes : 0
    if (wanted === this.held) return undefined
    if (this.held === 0) this.movedAt = Date.now()
    if (!this.#isKnown) this.#response.once('close', () => this.#bodies.leave(this))
    this.#isKnown = true
    return this.#bodies.resize(this, wanted)
  }

  get isArriving(): boolean {
    return this.#stream !== undefined && !this.#stream.readableEnded && !this.#stream.destroyed
  }

  /** Ends the reading of a body that holds up others. */
  refuse(reason: CouchError): void {
    if (this.waiting !== undefined) this.waiting.refuse(reason)
    else this.#stream?.destroy(reason)
  }
}

const rooms = new WeakMap<object, BodyRoom>()

/** The room of what a stream's reader keeps in memory. Undefined where nobody counts it. */
export function roomOf(stream: object): BodyRoom | undefined {
  return rooms.get(stream)
}

/**
 * Bodies that are being read. A few kilobytes of gzip unpack to 64 MB, and a client that never sends the last byte held them for an
 * hour: forty took 2.7 GB. So their bytes are counted as they come. One for which there is no room is not read on; if that lasts, one
 * that brings nothing is refused, or else who waits.
 */
export class ArrivingBodies {
  readonly #shares: ByteShares
  readonly #bodies = new Set<BodyRoom>()
  #looking: NodeJS.Timeout | undefined

  constructor(maxBytes = Math.min(MAX_BYTES, getHeapStatistics().heap_size_limit * HEAP_SHARE)) {
    this.#shares = new ByteShares(maxBytes)
  }

  of(caller: string, response: ServerResponse): BodyRoom {
    return new BodyRoom(this, caller, response)
  }

  resize(body: BodyRoom, bytes: number): Promise<void> | undefined {
    if (bytes <= body.held || this.#hasRoom(body, bytes)) {
      this.#set(body, bytes)
      return undefined
    }
    this.#bodies.add(body)
    return this.#wait(body, bytes)
  }

  leave(body: BodyRoom): void {
    this.#set(body, 0)
    body.waiting?.refuse(noRoom())
    this.#bodies.delete(body)
  }

  #set(body: BodyRoom, bytes: number): void {
    const isLess = bytes < body.held
    this.#shares.add(body.caller, bytes - body.held)
    body.held = bytes
    this.#bodies.add(body)
    if (isLess) this.#letIn()
  }

  /** The first body of all is never stopped, so that half-read ones cannot wait for each other; nor is a caller's first by his share. */
  #hasRoom(body: BodyRoom, bytes: number): boolean {
    const more = bytes - body.held
    if (this.#shares.isQuiet || this.#isFirst(body, () => true)) return true
    if (this.#isFirst(body, ({ caller }) => caller === body.caller)) return this.#shares.hasRoom(more)
    return this.#shares.hasCommonRoom(more) && this.#shares.hasShare(body.caller, more)
  }

  #isFirst(body: BodyRoom, isOf: (other: BodyRoom) => boolean): boolean {
    for (const other of this.#bodies) {
      if (other === body) return true
      if (other.isArriving && (other.held > 0 || other.waiting !== undefined) && isOf(other)) return false
    }
    return true
  }

  #wait(body: BodyRoom, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        body.waiting = undefined
      }
      body.waiting = {
        bytes,
        pass: () => {
          end()
          this.#set(body, bytes)
          resolve()
        },
        refuse: reason => {
          end()
          reject(reason)
        },
      }
      const timer = setTimeout(() => body.refuse(noRoom()), MAX_WAIT_MS)
      this.#looking ??= setInterval(() => this.#look(), LOOK_MS)
    })
  }

  #letIn(): void {
    for (const body of this.#bodies)
      if (body.waiting !== undefined && this.#hasRoom(body, body.waiting.bytes)) body.waiting.pass()
  }

  #look(): void {
    const waiting = [...this.#bodies].filter(body => body.waiting !== undefined)
    if (waiting.length === 0) {
      clearInterval(this.#looking)
      this.#looking = undefined
      return
    }
    const isShort = waiting.some(({ caller }) => this.#shares.hasShare(caller, 1))
    const callers = new Set(waiting.map(({ caller }) => caller))
    const silent = [...this.#bodies].filter(body => isSilent(body) && (isShort || callers.has(body.caller)))
    largest(silent)?.refuse(noRoom())
  }
}

function isSilent({ held, waiting, isArriving, movedAt }: BodyRoom): boolean {
  return held > 0 && waiting === undefined && isArriving && Date.now() - movedAt >= SILENT_MS
}

function largest(bodies: readonly BodyRoom[]): BodyRoom | undefined {
  return bodies.reduce<BodyRoom | undefined>(
    (found, body) => (found === undefined || body.held > found.held ? body : found),
    undefined,
  )
}

function noRoom(): CouchError {
  const headers = { 'Retry-After': '10' }
  return new CouchError('service_unavailable', 'Too many large bodies at once.', { headers })
}
