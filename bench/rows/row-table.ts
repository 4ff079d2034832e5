import { bulkDocsRows } from './bulk-docs.ts'
import { changesPagesRow } from './changes-pages.ts'
import { makeDatabasesRow } from './make-databases.ts'
import { manyDatabasesRow } from './many-databases.ts'
import { readRows } from './reads.ts'
import type { Row } from './row.ts'
import { singleDocRows } from './single-docs.ts'
import { waitingFeedsRows } from './waiting-feeds.ts'

/** Every row of the server's table, in its order. */
export const rowTable: readonly Row[] = [
  ...bulkDocsRows,
  ...readRows,
  changesPagesRow,
  ...singleDocRows,
  makeDatabasesRow,
  manyDatabasesRow,
  ...waitingFeedsRows,
]
