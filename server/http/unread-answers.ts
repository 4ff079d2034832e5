import { getHeapStatistics } from 'node:v8'
import { CouchError } from '../couch-error.ts'
import { ByteShares } from './byte-shares.ts'

/** Answers up to here never wait. */
export const LIGHT_ANSWER_BYTES = 64 * 1024
const MAX_BYTES = 256 * 1024 * 1024
/** A document's text is on the heap a second and a third time while it becomes bytes. */
const HEAP_SHARE = 1 / 8
/** Whoever reads nothing for as long is cut, so there is room again by then. */
const MAX_WAIT_MS = 130_000

/** What one call does with the bytes of its answer. */
export type AnswerRoom = {
  /** Counts bytes that wait for the client. Returns how to give them back. */
  hold(bytes: number): () => void
  /** The same if there is room for them. */
  tryHold(bytes: number): (() => void) | undefined
  /** The same once there is room. */
  waitHold(bytes: number): Promise<() => void>
  hasRoom(): boolean
  /** To be asked before something that may be large is read: a promise while too much is unread. */
  room(): Promise<void> | undefined
}

type Place = {
  readonly caller: string
  /** Undefined: will read something, nobody knows how large, and count it at once. */
  readonly bytes: number | undefined
  pass(): void
}

/**
 * Answers that were written and not read yet. A document of 8 MB costs its client a line to ask for, so who asked two hundred times and
 * read nothing ended a process. Large answers wait here in turn until others have been read; small ones pass by.
 */
export class UnreadAnswers {
  readonly #shares: ByteShares
  readonly #waiting: Place[] = []

  constructor(maxBytes = Math.min(MAX_BYTES, getHeapStatistics().heap_size_limit * HEAP_SHARE)) {
    this.#shares = new ByteShares(maxBytes)
  }

  of(caller: string, signal: AbortSignal): AnswerRoom {
    const tryHold = (bytes: number) => {
      const isNext = !this.#waiting.some(place => place.caller === caller) && !this.#isTakenByWaiting(caller)
      return isNext && this.#hasRoom(caller, bytes) ? this.#hold(caller, bytes) : undefined
    }
    return {
      hold: bytes => this.#hold(caller, bytes),
      tryHold,
      waitHold: async bytes => {
        const held = tryHold(bytes)
        if (held !== undefined) return held
        await this.#wait(caller, bytes, signal)
        return this.#giveBack(caller, bytes)
      },
      hasRoom: () => this.#mayRead(caller),
      room: () => (this.#mayRead(caller) ? undefined : this.#wait(caller, undefined, signal)),
    }
  }

  #hold(caller: string, bytes: number): () => void {
    this.#shares.add(caller, bytes)
    return this.#giveBack(caller, bytes)
  }

  #giveBack(caller: string, bytes: number): () => void {
    let isGiven = false
    return () => {
      if (isGiven) return
      isGiven = true
      this.#shares.add(caller, -bytes)
      this.#letIn()
    }
  }

  #mayRead(caller: string): boolean {
    return this.#shares.isQuiet || this.#hasRoom(caller, 1)
  }

  #hasRoom(caller: string, bytes: number): boolean {
    if (this.#shares.heldBy(caller) === 0) return this.#shares.hasRoom(bytes)
    return this.#shares.hasCommonRoom(bytes) && this.#hasShare(caller, bytes)
  }

  /** His only one may be as large as it likes. */
  #hasShare(caller: string, bytes: number): boolean {
    return this.#shares.heldBy(caller) === 0 || this.#shares.hasShare(caller, bytes)
  }

  /** True if somebody waits for the whole, and not for his own share: then others have to wait behind him. */
  #isTakenByWaiting(caller: string): boolean {
    return this.#waiting.some(
      place => place.caller !== caller && this.#hasShare(place.caller, place.bytes ?? 1),
    )
  }

  #wait(caller: string, bytes: number | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
      const giveUp = (reason: unknown) => {
        end()
        this.#waiting.splice(this.#waiting.indexOf(place), 1)
        reject(reason)
        this.#letIn()
      }
      const place: Place = {
        caller,
        bytes,
        pass: () => {
          end()
          resolve()
        },
      }
      const onAbort = () => giveUp(signal.reason)
      const timer = setTimeout(() => giveUp(tooManyAnswers()), MAX_WAIT_MS)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(place)
    })
  }

  /** In turn; but who only waits for his own share holds up nobody else. */
  #letIn(): void {
    for (let at = 0; at < this.#waiting.length; ) {
      const place = this.#waiting[at]
      if (place === undefined) return
      const bytes = place.bytes ?? 1
      if (!this.#hasShare(place.caller, bytes)) {
        at++
        continue
      }
      if (!this.#hasRoom(place.caller, bytes)) return
      this.#waiting.splice(at, 1)
      if (place.bytes !== undefined) this.#shares.add(place.caller, bytes)
      place.pass()
      if (place.bytes !== undefined) continue
      // It reads and counts before this turn ends; the next one must see that.
      setImmediate(() => this.#letIn())
      return
    }
  }
}

function tooManyAnswers(): CouchError {
  const headers = { 'Retry-After': '10' }
  return new CouchError('service_unavailable', 'Too many large answers wait to be read.', { headers })
}
