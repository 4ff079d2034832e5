import { bulkDocsRows } from './bulk-docs.ts'
import { changesPagesRow } from './changes-pages.ts'
import { fairnessRows } from './fairness.ts'
import { makeDatabasesRow } from './make-databases.ts'
import { manyDatabasesRows } from './many-databases.ts'
import { manyUsersRows } from './many-users.ts'
import { readRows } from './reads.ts'
import { replicationRows } from './replication.ts'
import type { Row } from './row.ts'
import { singleDocRows } from './single-docs.ts'
import { slowReaderRow } from './slow-reader.ts'
import { waitingFeedsRows } from './waiting-feeds.ts'

/** Every row of the server's table, in its order. */
export const rowTable: readonly Row[] = [
  ...bulkDocsRows,
  ...readRows,
  changesPagesRow,
  ...singleDocRows,
  makeDatabasesRow,
  ...manyUsersRows,
  ...fairnessRows,
  ...replicationRows,
  ...manyDatabasesRows,
  ...waitingFeedsRows,
  slowReaderRow,
]
