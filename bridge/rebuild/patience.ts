import { delayAfter, pause } from '../back-off.ts'

/** Attempts in a row, with growing pauses: a minute and a half. */
const MAX_ATTEMPTS = 12

/** How often it says that something is tried again, whoever of its workers meets it. */
const SAY_MS = 5000

/** Tries what may pass by itself again, for a while, and says so. */
export class Patience {
  readonly #signal: AbortSignal
  readonly #say: (line: string) => void
  #saidAt = Number.NEGATIVE_INFINITY

  constructor({ signal, say }: { readonly signal: AbortSignal; say(line: string): void }) {
    this.#signal = signal
    this.#say = say
  }

  /** Throws what `work` threw at last, and at once what may not pass. */
  async with<T>(work: () => Promise<T>, mayPass: (error: unknown) => boolean): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await work()
      } catch (error) {
        this.#signal.throwIfAborted()
        if (!mayPass(error) || failures === MAX_ATTEMPTS) throw error
        this.#complain(error)
        await pause(delayAfter(failures), this.#signal)
        this.#signal.throwIfAborted()
      }
    }
  }

  #complain(error: unknown): void {
    if (performance.now() < this.#saidAt + SAY_MS) return
    this.#saidAt = performance.now()
    this.#say(`${error instanceof Error ? error.message : String(error)}; trying again`)
  }
}
