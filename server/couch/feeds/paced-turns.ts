import { setTimeout as sleep } from 'node:timers/promises'

type Work = () => Promise<void>

/**
 * For work that keeps the process busy and that many clients may ask for at once: one piece at a time, and after each of them as long a
 * pause as it took. So all of it together takes at most half of the time, however many ask. The callers take turns, a piece each: one who
 * asks for much waits for himself. A caller's own pieces are done in the order they came.
 */
export class PacedTurns {
  /** The caller at the front is next. None is here without work. */
  readonly #waiting = new Map<string, Work[]>()
  #isAtWork = false

  run<Result>(caller: string, work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(caller) ?? []
      waiting.push(() => paced(work).then(resolve, reject))
      this.#waiting.set(caller, waiting)
      if (!this.#isAtWork) void this.#workOff()
    })
  }

  async #workOff(): Promise<void> {
    this.#isAtWork = true
    for (let work = this.#next(); work !== undefined; work = this.#next()) await work()
    this.#isAtWork = false
  }

  #next(): Work | undefined {
    for (const [caller, waiting] of this.#waiting) {
      const work = waiting.shift()
      this.#waiting.delete(caller)
      // Behind all the others.
      if (waiting.length > 0) this.#waiting.set(caller, waiting)
      return work
    }
    return undefined
  }
}

async function paced<Result>(work: () => Result): Promise<Result> {
  const start = performance.now()
  try {
    return work()
  } finally {
    await sleep(performance.now() - start)
  }
}
