import { withConnection } from '../client/connection.ts'
import { docId, docText } from '../client/docs.ts'
import { requestOf } from '../client/target.ts'
import { newDatabaseName } from './databases.ts'
import { heldBy } from './process-cost.ts'
import type { Row } from './row.ts'

/** What databases cost that are there and that nobody uses any more. */
export const manyDatabasesRow: Row = {
  key: 'many-databases',
  title: '500 databases with a document each: descriptors more than with none',
  unit: '',
  better: 'less',
  async measure(target, size) {
    const before = heldBy(target.pid)
    await withConnection(target, async connection => {
      for (let made = 0; made < size.databases; made++) {
        const name = newDatabaseName()
        await connection.ask(requestOf(target, 'PUT', name))
        await connection.ask(
          requestOf(target, 'PUT', `${name}/${encodeURIComponent(docId(made))}`, docText(made)),
        )
      }
    })
    const after = heldBy(target.pid)
    return { value: (after?.descriptors ?? Number.NaN) - (before?.descriptors ?? Number.NaN), ...after }
  },
}
