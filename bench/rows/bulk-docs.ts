import { type Connection, withConnection } from '../client/connection.ts'
import { bulkBodies } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { docCount, makeDatabase } from './databases.ts'
import type { Row, Sample, Size } from './row.ts'
import { timedPasses } from './timed-passes.ts'

/** Documents in batches, one after the other, into a new database each time. */
function writeBatches(target: Target, size: Size, newEdits: boolean): Promise<Sample> {
  const bodies = bulkBodies(0, size.documents, newEdits)
  let name = ''
  let requests: readonly Buffer[] = []
  const pass = async (connection: Connection) => {
    for (const request of requests) await connection.ask(request)
    return size.documents
  }
  return withConnection(target, connection =>
    timedPasses(target, size, {
      async before() {
        name = await makeDatabase(target, connection)
        requests = bodies.map(body => requestOf(target, 'POST', `${name}/_bulk_docs`, body))
      },
      pass: () => pass(connection),
      async after() {
        const count = await docCount(target, connection, name)
        if (count !== size.documents) throw new Error(`${count} documents of ${size.documents} were written`)
      },
    }),
  )
}

export const bulkDocsRows: readonly Row[] = [
  {
    key: 'bulk-docs',
    title: '_bulk_docs, new edits, 500 a batch',
    unit: 'docs/s',
    better: 'more',
    goal: { ofCouch: 3, ofExpressPouchdb: 2.1 },
    measure: (target, size) => writeBatches(target, size, true),
  },
  {
    key: 'bulk-docs-replicated',
    title: '_bulk_docs, new_edits: false, 500 a batch',
    unit: 'docs/s',
    better: 'more',
    goal: { ofCouch: 3, ofExpressPouchdb: 2.1 },
    measure: (target, size) => writeBatches(target, size, false),
  },
]
