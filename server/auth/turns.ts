import { CouchError } from '../couch-error.ts'

/** Does slow work, a few at a time. Throws `too_many_requests` when too many wait already. */
export type Turns = <Result>(work: () => Promise<Result>) => Promise<Result>

/** `atOnce` are under way, `waiting` more wait for their turn, in the order they came. */
export function createTurns({ atOnce, waiting }: { atOnce: number; waiting: number }): Turns {
  const queue: (() => void)[] = []
  let underWay = 0

  async function turn(): Promise<void> {
    if (underWay < atOnce) underWay += 1
    else if (queue.length < waiting) await new Promise<void>(resolve => queue.push(resolve))
    else throw tooMany()
  }

  return async work => {
    await turn()
    try {
      return await work()
    } finally {
      // The turn is handed on as it is, so that nobody who comes just now takes it first.
      const next = queue.shift()
      if (next === undefined) underWay -= 1
      else next()
    }
  }
}

function tooMany(): CouchError {
  return new CouchError('too_many_requests', 'Too many passwords are being checked.', {
    headers: { 'Retry-After': '1' },
  })
}
