import { type Connection, withConnection } from '../client/connection.ts'
import { bulkBodies, docId } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { docCount } from '../rows/databases.ts'
import { costOf } from './cost.ts'
import type { Series } from './series.ts'

const NAME = 'bench-growing'
/** So many are made at a time, and the last of them are those that are measured. */
const SLICE_DOCS = 10_000
const PAGE_ROWS = 100

/** One database that grows. */
export const documentsSeries: Series = {
  key: 'scale-documents',
  title: 'Documents in one database',
  of: 'documents',
  amounts: {
    quick: [1_000, 5_000],
    usual: [1_000, 10_000, 100_000],
    full: [1_000, 10_000, 100_000, 1_000_000],
  },
  lines: [
    { name: 'write one of 500', unit: 'µs' },
    { name: 'read a row of a page', unit: 'µs' },
    { name: 'read one', unit: 'µs' },
  ],
  measure: (target, amount, size) =>
    withConnection(target, async connection => [
      await fillTo(target, connection, amount),
      (await costOf(target, () => readPages(target, connection, { amount, reads: size.singles })))
        .cpuMicroseconds,
      (await costOf(target, () => readSingles(target, connection, { amount, reads: size.singles })))
        .cpuMicroseconds,
    ]),
}

/** The cost of each document of the last slice. */
async function fillTo(target: Target, connection: Connection, amount: number): Promise<number> {
  if ((await docCount(target, connection, NAME)) === undefined)
    await connection.ask(requestOf(target, 'PUT', NAME))
  let cost = Number.NaN
  const there = (await docCount(target, connection, NAME)) ?? 0
  for (let first = there; first < amount; first += SLICE_DOCS) {
    const count = Math.min(SLICE_DOCS, amount - first)
    const requests = bulkBodies(first, count, true).map(body =>
      requestOf(target, 'POST', `${NAME}/_bulk_docs`, body),
    )
    const slice = await costOf(target, async () => {
      for (const request of requests) await connection.ask(request)
      return count
    })
    cost = slice.cpuMicroseconds
  }
  return cost
}

type Reads = { readonly amount: number; readonly reads: number }

/** Pages from all over it. */
async function readPages(target: Target, connection: Connection, { amount, reads }: Reads): Promise<number> {
  let rows = 0
  for (let page = 0; page < reads; page++) {
    const start = JSON.stringify(docId(Math.floor(((amount - PAGE_ROWS) * page) / reads)))
    const path = `${NAME}/_all_docs?include_docs=true&limit=${PAGE_ROWS}&startkey=${encodeURIComponent(start)}`
    rows += (await connection.ask(requestOf(target, 'GET', path), { mark: '"id":"' })).marks
  }
  return rows
}

async function readSingles(
  target: Target,
  connection: Connection,
  { amount, reads }: Reads,
): Promise<number> {
  for (let read = 0; read < reads; read++) {
    const id = encodeURIComponent(docId((read * 7919) % amount))
    await connection.ask(requestOf(target, 'GET', `${NAME}/${id}`))
  }
  return reads
}
