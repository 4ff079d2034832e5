import { withConnection, withConnections } from '../client/connection.ts'
import { docId, docText } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { percentile } from '../measured.ts'
import { docCount } from './databases.ts'
import { heldBy } from './process-cost.ts'
import type { Row, Size } from './row.ts'

const WRITERS = 32
const DOC_PATH = encodeURIComponent(docId(0))

/** Databases with a document each, the same names each time; those that are there already stay. How many were made. */
export async function fillDatabases(target: Target, count: number): Promise<number> {
  const from = await firstMissing(target, count)
  const rest = Array.from({ length: count - from }, (_, place) => from + place)[Symbol.iterator]()
  await withConnections(target, WRITERS, connections =>
    Promise.all(
      connections.map(async connection => {
        for (let next = rest.next(); next.done !== true; next = rest.next()) {
          const name = manyDatabaseName(next.value)
          await connection.ask(requestOf(target, 'PUT', name))
          await connection.ask(requestOf(target, 'PUT', `${name}/${DOC_PATH}`, docText(0)))
        }
      }),
    ),
  )
  return count - from
}

/** Of the databases that `fillDatabases` makes. */
export function manyDatabaseName(number: number): string {
  return `bench-many-${number}`
}

/** They are made in order: what is there is found by halving. */
async function firstMissing(target: Target, count: number): Promise<number> {
  return await withConnection(target, async connection => {
    let [there, missing] = [-1, count]
    while (missing - there > 1) {
      const middle = (there + missing) >> 1
      const docs = await docCount(target, connection, manyDatabaseName(middle))
      if (docs !== undefined && docs > 0) there = middle
      else missing = middle
    }
    return missing
  })
}

/** How long documents take of which each is in another database, none of which was used before; in milliseconds. */
export async function coldReads(target: Target, size: Size, count: number): Promise<number[]> {
  const taken: number[] = []
  await withConnection(target, async connection => {
    // The code is warm, the databases are not.
    for (let time = 0; time < size.singles; time++)
      await connection.ask(requestOf(target, 'GET', `${manyDatabaseName(0)}/${DOC_PATH}`))
    for (let read = 1; read < Math.min(size.singles, count); read++) {
      const name = manyDatabaseName(1 + ((read * 7919) % (count - 1)))
      const request = requestOf(target, 'GET', `${name}/${DOC_PATH}`)
      const started = performance.now()
      await connection.ask(request)
      taken.push(performance.now() - started)
    }
  })
  return taken
}

function manyFor({ most }: Target, { manyDatabases }: Size): number {
  return Math.min(manyDatabases, most?.databases ?? manyDatabases)
}

async function fillMany(target: Target, size: Size): Promise<void> {
  await fillDatabases(target, manyFor(target, size))
}

function startedIn(target: Target, databases: number) {
  return { value: target.startedInMs ?? Number.NaN, parts: { databases }, ...heldBy(target.pid) }
}

export const manyDatabasesRows: readonly Row[] = [
  {
    key: 'descriptors',
    title: 'descriptors that databases add',
    unit: '',
    better: 'less',
    goal: { atMost: 1 },
    fresh: true,
    once: true,
    async measure(target, size) {
      const before = heldBy(target.pid)?.descriptors ?? Number.NaN
      await fillDatabases(target, size.databases)
      // Those of connections that were just closed are not meant.
      await withConnection(target, connection =>
        connection.ask(requestOf(target, 'GET', manyDatabaseName(0))),
      )
      const after = heldBy(target.pid)
      const databases = size.databases
      return { value: (after?.descriptors ?? Number.NaN) - before, parts: { databases }, ...after }
    },
  },
  {
    key: 'start',
    title: 'start with one database, to the first answer',
    unit: 'ms',
    better: 'less',
    fresh: true,
    prepare: async target => void (await fillDatabases(target, 1)),
    measure: async target => startedIn(target, 1),
  },
  {
    key: 'start-many',
    title: 'start with many databases, to the first answer',
    unit: 'ms',
    better: 'less',
    once: true,
    prepare: fillMany,
    measure: async (target, size) => startedIn(target, manyFor(target, size)),
  },
  {
    key: 'cold-read',
    title: 'first read in each of many databases, p99',
    unit: 'ms',
    better: 'less',
    goal: { atMost: 20 },
    once: true,
    prepare: fillMany,
    async measure(target, size) {
      const databases = manyFor(target, size)
      const taken = await coldReads(target, size, databases)
      const parts = { databases, 'p50 ms': percentile(taken, 0.5), 'longest ms': Math.max(...taken) }
      return { value: percentile(taken, 0.99), parts, ...heldBy(target.pid) }
    },
  },
]
