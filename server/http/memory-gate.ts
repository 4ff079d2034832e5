import { getHeapStatistics } from 'node:v8'

/** Texts up to here pass as they come. */
const LIGHT_BYTES = 1024 * 1024
const MAX_BYTES = 256 * 1024 * 1024

/** True for a text that has to ask for room. */
export function isHeavy(bytes: number): boolean {
  return bytes > LIGHT_BYTES
}

type Asked = { readonly bytes: number; readonly caller: string }
type Place = Asked & { pass(): void }

/**
 * Lets only so many bytes of JSON be parsed in memory at a time; the others wait, first come, first served. A document
 * with a large attachment takes twice its text on the heap until its bytes are decoded, and six of 60 MiB that came at once ended
 * a process with a heap of 300 MB.
 */
export class MemoryGate {
  readonly #maxBytes: number
  readonly #byCaller = new Map<string, number>()
  #bytes = 0
  readonly #waiting: Place[] = []

  constructor(maxBytes = Math.min(MAX_BYTES, getHeapStatistics().heap_size_limit / 4)) {
    this.#maxBytes = maxBytes
  }

  /**
   * Waits until there is room for a text of this length; one that is alone always has it. Returns how to give the room back, which must
   * not depend on what a client does. Of a `caller` that is named only half of the room is ever taken.
   * @throws the signal's reason if that aborts while it waits
   */
  async enter(bytes: number, signal: AbortSignal, caller = ''): Promise<() => void> {
    if (!isHeavy(bytes)) return () => {}
    const asked = { bytes, caller }
    if (this.#waiting.some(place => this.#hasShare(place)) || !this.#hasRoom(asked))
      await this.#wait(asked, signal)
    else this.#count(asked)
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      this.#count({ caller, bytes: -bytes })
      this.#letIn()
    }
  }

  #count({ bytes, caller }: Asked): void {
    this.#bytes += bytes
    if (caller === '') return
    const held = (this.#byCaller.get(caller) ?? 0) + bytes
    if (held === 0) this.#byCaller.delete(caller)
    else this.#byCaller.set(caller, held)
  }

  #hasRoom(asked: Asked): boolean {
    return this.#bytes === 0 || (this.#bytes + asked.bytes <= this.#maxBytes && this.#hasShare(asked))
  }

  /** His only one may be as large as it likes. */
  #hasShare({ bytes, caller }: Asked): boolean {
    const held = this.#byCaller.get(caller)
    return held === undefined || held + bytes <= this.#maxBytes / 2
  }

  #wait(asked: Asked, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const place = {
        ...asked,
        pass: () => {
          signal.removeEventListener('abort', giveUp)
          resolve()
        },
      }
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(place), 1)
        reject(signal.reason)
        this.#letIn()
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.push(place)
    })
  }

  /** In turn; but who only waits for his own share holds up nobody else. */
  #letIn(): void {
    for (const place of [...this.#waiting]) {
      if (!this.#hasShare(place)) continue
      if (!this.#hasRoom(place)) return
      this.#waiting.splice(this.#waiting.indexOf(place), 1)
      this.#count(place)
      place.pass()
    }
  }
}
