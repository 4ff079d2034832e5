import { type Connection, withConnections } from '../client/connection.ts'
import { bulkBodies, docId, docText } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { newUser, type User } from '../client/user.ts'
import { threadsCpuMs } from './process-cost.ts'
import type { Row, Sample, Size } from './row.ts'
import { timedPasses } from './timed-passes.ts'

type Writing = {
  readonly users: number
  /** Documents that each writes in a pass. */
  each(size: Size): number
  /** The requests that write so many documents of a user, from `first` on. */
  requests(user: User, first: number, count: number): readonly Buffer[]
}

const BULK: Writing = {
  users: 8,
  each: ({ documents }) => Math.ceil(documents / 8),
  requests: ({ target, database }, first, count) =>
    bulkBodies(first, count, true).map(body => requestOf(target, 'POST', `${database}/_bulk_docs`, body)),
}

const SINGLE: Writing = {
  users: 64,
  each: ({ singles }) => Math.ceil(singles / 10),
  requests: ({ target, database }, first, count) =>
    Array.from({ length: count }, (_, place) => {
      const number = first + place
      return requestOf(target, 'PUT', `${database}/${encodeURIComponent(docId(number))}`, docText(number))
    }),
}

/** Users who write at once, each into a database of his own and as soon as he was answered. */
async function writeTogether(target: Target, size: Size, writing: Writing): Promise<Sample> {
  const users = await Promise.all(Array.from({ length: writing.users }, () => newUser(target)))
  const each = writing.each(size)
  const threads = new ThreadTimes(target)
  let next = 0
  let requests: readonly (readonly Buffer[])[] = []
  const sample = await withConnections(target, users.length, connections =>
    timedPasses(target, size, {
      async before() {
        requests = users.map(user => writing.requests(user, next, each))
        next += each
        threads.begin()
      },
      async pass() {
        await Promise.all(connections.map((connection, place) => askEach(connection, requests[place] ?? [])))
        return each * users.length
      },
      async after() {
        threads.end(each * users.length)
      },
    }),
  )
  return { ...sample, parts: threads.parts() }
}

async function askEach(connection: Connection, requests: readonly Buffer[]): Promise<void> {
  for (const request of requests) await connection.ask(request)
}

/** What the threads of a server take for a unit: how much of its work could be done at the same time. */
class ThreadTimes {
  readonly #target: Target
  readonly #ms = new Map<number, number>()
  #begun = new Map<number, number>()
  #units = 0
  #isWarm = false

  constructor(target: Target) {
    this.#target = target
  }

  begin(): void {
    this.#begun = threadsCpuMs(this.#target.pid)
  }

  /** The first pass is not counted: code is compiled in it. */
  end(units: number): void {
    if (this.#isWarm) {
      this.#units += units
      for (const [thread, ms] of threadsCpuMs(this.#target.pid))
        this.#ms.set(thread, (this.#ms.get(thread) ?? 0) + ms - (this.#begun.get(thread) ?? 0))
    }
    this.#isWarm = true
  }

  parts(): Readonly<Record<string, number>> | undefined {
    const micros = (ms: number) => (1000 * ms) / this.#units
    const main = this.#ms.get(this.#target.pid ?? 0)
    if (main === undefined) return undefined
    const others = [...this.#ms]
      .filter(([thread]) => thread !== this.#target.pid)
      .map(([, ms]) => ms)
      .sort((a, b) => b - a)
    return {
      'µs of the main thread': micros(main),
      'µs of the busiest other one': micros(others[0] ?? 0),
      'µs of all others': micros(others.reduce((sum, ms) => sum + ms, 0)),
    }
  }
}

export const manyUsersRows: readonly Row[] = [
  {
    key: 'users-bulk',
    title: '8 users, each writes batches of 500 into a database of his own',
    unit: 'docs/s',
    better: 'more',
    measure: (target, size) => writeTogether(target, size, BULK),
  },
  {
    key: 'users-put',
    title: '64 users, each writes single documents into a database of his own',
    unit: '/s',
    better: 'more',
    measure: (target, size) => writeTogether(target, size, SINGLE),
  },
]
