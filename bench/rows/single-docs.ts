import { type Connection, withConnection, withConnections } from '../client/connection.ts'
import { docId, docText } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { filledDatabase, makeDatabase } from './databases.ts'
import type { Row, Sample, Size } from './row.ts'
import { timedPasses } from './timed-passes.ts'

/** Of a pass: enough for each connection that waiting for the last one does not count. */
function requestsOf({ singles }: Size, atOnce: number): number {
  return Math.max(singles, Math.ceil((atOnce * singles) / 10))
}

/** New documents, each a request, over so many connections. */
async function putDocs(target: Target, size: Size, atOnce: number): Promise<Sample> {
  const name = await withConnection(target, connection => makeDatabase(target, connection))
  const count = requestsOf(size, atOnce)
  let next = 0
  let requests: Buffer[] = []
  return await withConnections(target, atOnce, connections =>
    timedPasses(target, size, {
      async before() {
        requests = Array.from({ length: count }, () => {
          next++
          return requestOf(target, 'PUT', `${name}/${encodeURIComponent(docId(next))}`, docText(next))
        })
      },
      pass: () => askAll(connections, requests),
    }),
  )
}

async function getDocs(target: Target, size: Size, atOnce: number): Promise<Sample> {
  const name = await filledDatabase(target, size.documents)
  const count = requestsOf(size, atOnce)
  // Ids from all over the database, in no order.
  const requests = Array.from({ length: count }, (_, place) =>
    requestOf(target, 'GET', `${name}/${encodeURIComponent(docId((place * 7919) % size.documents))}`),
  )
  return await withConnections(target, atOnce, connections =>
    timedPasses(target, size, { pass: () => askAll(connections, requests) }),
  )
}

/** Every connection takes the next request as soon as it has its answer. */
async function askAll(connections: readonly Connection[], requests: readonly Buffer[]): Promise<number> {
  const rest = requests[Symbol.iterator]()
  await Promise.all(
    connections.map(async connection => {
      for (let next = rest.next(); next.done !== true; next = rest.next()) await connection.ask(next.value)
    }),
  )
  return requests.length
}

export const singleDocRows: readonly Row[] = [
  ...[1, 16, 64].map(
    (atOnce): Row => ({
      key: `put-${atOnce}`,
      title: `PUT one document, ${atOnce} at once`,
      unit: '/s',
      better: 'more',
      goal: atOnce === 64 ? { ofCouch: 5, ofExpressPouchdb: 5 } : undefined,
      measure: (target, size) => putDocs(target, size, atOnce),
    }),
  ),
  {
    key: 'get-16',
    title: 'GET one document, 16 at once',
    unit: '/s',
    better: 'more',
    goal: { ofCouch: 4, ofExpressPouchdb: 3.7 },
    measure: (target, size) => getDocs(target, size, 16),
  },
]
