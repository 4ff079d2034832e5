import { getHeapStatistics } from 'node:v8'

/** Texts up to here pass as they come. */
const LIGHT_BYTES = 1024 * 1024
const MAX_BYTES = 256 * 1024 * 1024

/**
 * Lets only so many bytes of JSON be parsed in memory at a time; the others wait, first come, first served. A document
 * with a large attachment takes twice its text on the heap until its bytes are decoded, and six of 60 MiB that came at once ended
 * a process with a heap of 300 MB.
 */
export class MemoryGate {
  readonly #maxBytes: number
  #bytes = 0
  readonly #waiting: { readonly bytes: number; readonly pass: () => void }[] = []

  constructor(maxBytes = Math.min(MAX_BYTES, getHeapStatistics().heap_size_limit / 4)) {
    this.#maxBytes = maxBytes
  }

  /**
   * Waits until there is room for a text of this length; one that is alone always has it. Returns how to give the room back, which must
   * not depend on what a client does.
   * @throws the signal's reason if that aborts while it waits
   */
  async enter(bytes: number, signal: AbortSignal): Promise<() => void> {
    if (bytes <= LIGHT_BYTES) return () => {}
    if (this.#waiting.length > 0 || !this.#hasRoom(bytes)) await this.#wait(bytes, signal)
    else this.#bytes += bytes
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      this.#bytes -= bytes
      this.#letIn()
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#maxBytes
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const place = {
        bytes,
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

  #letIn(): void {
    for (
      let [next] = this.#waiting;
      next !== undefined && this.#hasRoom(next.bytes);
      [next] = this.#waiting
    ) {
      this.#waiting.shift()
      this.#bytes += next.bytes
      next.pass()
    }
  }
}
