import { withConnection } from '../client/connection.ts'
import { docId, docText } from '../client/docs.ts'
import { requestOf } from '../client/target.ts'
import { newDatabaseName } from './databases.ts'
import type { Row } from './row.ts'
import { timedPasses } from './timed-passes.ts'

const DOCS_EACH = 10

/** What happens when a user comes for the first time: his database is made, and a few documents are put into it. */
export const makeDatabasesRow: Row = {
  key: 'make-database',
  title: 'make a database and put 10 documents',
  unit: 'databases/s',
  better: 'more',
  goal: { ofCouch: 10, ofExpressPouchdb: 6.1 },
  async measure(target, size) {
    const databases = Math.ceil(size.singles / 10)
    let requests: readonly Buffer[] = []
    return await withConnection(target, connection =>
      timedPasses(target, size, {
        async before() {
          requests = Array.from({ length: databases }, newDatabaseName).flatMap(name => [
            requestOf(target, 'PUT', name),
            ...Array.from({ length: DOCS_EACH }, (_, number) =>
              requestOf(target, 'PUT', `${name}/${encodeURIComponent(docId(number))}`, docText(number)),
            ),
          ])
        },
        async pass() {
          for (const request of requests) await connection.ask(request)
          return databases
        },
      }),
    )
  },
}
