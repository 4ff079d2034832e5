import { setImmediate as nextLoop } from 'node:timers'

/**
 * Long answers are read a page at a time, and of all that are under way one page is read in each turn of the event loop: whatever else has
 * come is served between two pages, also where one client asks for a hundred long answers at once. Callers take turns, so who asks for
 * much waits for himself.
 */
export class ReadTurns {
  /** The caller at the front is next. None is here without somebody who waits. */
  readonly #waiting = new Map<string, (() => void)[]>()

  /** Resolves when a page may be read, not before the next turn of the loop. Read it at once. */
  next(caller: string): Promise<void> {
    return new Promise(resolve => {
      if (this.#waiting.size === 0) nextLoop(() => this.#pass())
      const waiting = this.#waiting.get(caller)
      if (waiting === undefined) this.#waiting.set(caller, [resolve])
      else waiting.push(resolve)
    })
  }

  /** What it resolves reads its page as soon as this returns. */
  #pass(): void {
    for (const [caller, waiting] of this.#waiting) {
      this.#waiting.delete(caller)
      const resolve = waiting.shift()
      // Behind all the others.
      if (waiting.length > 0) this.#waiting.set(caller, waiting)
      if (this.#waiting.size > 0) nextLoop(() => this.#pass())
      resolve?.()
      return
    }
  }
}

/** There is one event loop, whoever is served. */
export const READ_TURNS = new ReadTurns()
