import { CouchError } from '../couch-error.ts'

/**
 * Does slow work, a few at a time. `who` wants it done: of those who wait each has his turn after the others, however much one of them
 * brings. Throws `too_many_requests` when too many wait already, also in the end to one of those who have most waiting.
 */
export type Turns = <Result>(work: () => Promise<Result>, who?: string) => Promise<Result>

/** How many are under way, how many more wait for their turn, and how many of these are of one. */
export type TurnsOptions = {
  readonly atOnce: number
  readonly waiting: number
  /** Absent: as many as there may be. */
  readonly waitingOfOne?: number | undefined
}

type Waiting = { begin(): void; giveUp(reason: Error): void }

/** Those of one have their turns in the order they came. */
export function createTurns({ atOnce, waiting, waitingOfOne = waiting }: TurnsOptions): Turns {
  const queues = new Map<string, Waiting[]>()
  let underWay = 0
  let waitingNow = 0

  async function turn(who: string): Promise<void> {
    if (underWay < atOnce) {
      underWay += 1
      return
    }
    const length = queues.get(who)?.length ?? 0
    if (length >= waitingOfOne || (waitingNow >= waiting && !makeRoom(length))) throw tooMany()
    waitingNow += 1
    const queue = queues.get(who) ?? []
    queues.set(who, queue)
    await new Promise<void>((begin, giveUp) => queue.push({ begin, giveUp }))
  }

  /** Whoever has most makes room for who has less: two networks that bring as many as they may would else keep all others out. */
  function makeRoom(length: number): boolean {
    const longest = [...queues.values()].reduce((a, b) => (b.length > a.length ? b : a), [])
    if (longest.length <= length + 1) return false
    longest.pop()?.giveUp(tooMany())
    waitingNow -= 1
    return true
  }

  /** Whose turn it is goes to the end, if he has more. */
  function next(): (() => void) | undefined {
    const [first] = queues
    if (first === undefined) return undefined
    const [who, queue] = first
    queues.delete(who)
    const work = queue.shift()
    if (queue.length > 0) queues.set(who, queue)
    waitingNow -= 1
    return work?.begin
  }

  return async (work, who = '') => {
    await turn(who)
    try {
      return await work()
    } finally {
      // The turn is handed on as it is, so that nobody who comes just now takes it first.
      const begin = next()
      if (begin === undefined) underWay -= 1
      else begin()
    }
  }
}

function tooMany(): CouchError {
  return new CouchError('too_many_requests', 'Too many passwords are being checked.', {
    headers: { 'Retry-After': '1' },
  })
}
