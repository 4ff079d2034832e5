import { setTimeout as sleep } from 'node:timers/promises'

/**
 * For work that keeps the process busy and that many clients may ask for at once: one piece at a time, first come, first served, and after
 * each of them as long a pause as it took. So all of it together takes at most half of the time, however many ask.
 */
export class PacedTurns {
  #last: Promise<unknown> = Promise.resolve()

  run<Result>(work: () => Result): Promise<Result> {
    const turn = this.#last.then(() => paced(work))
    this.#last = turn.catch(() => {})
    return turn
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
