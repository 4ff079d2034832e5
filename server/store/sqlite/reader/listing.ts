import type { ChangeRow, ChangesQuery, DatabaseFacts, DocRow, DocsQuery } from '../../store.ts'
import type { RowsAsText, TextPage } from '../../text-page.ts'
import type { Connection } from '../connection.ts'
import { readChanges } from './changes.ts'
import { type ChangesText, readChangesText } from './changes-text.ts'
import { readFacts } from './counts.ts'
import { countBefore, readDocs } from './docs.ts'
import { readDocsText } from './docs-text.ts'

import type { PendingCounts } from './pending-counts.ts'

/** What a handle tells of its database as a whole: all of it, or one type. */
export type Listing = {
  facts(connection: Connection, db: number): DatabaseFacts
  docs(connection: Connection, db: number, query: DocsQuery): DocRow[]
  docsText(connection: Connection, db: number, query: DocsQuery, as: RowsAsText): TextPage<string>
  offset(
    connection: Connection,
    db: number,
    query: Pick<DocsQuery, 'startKey' | 'descending'>,
  ): number | undefined
  changes(connection: Connection, db: number, query: ChangesQuery): ChangeRow[]
  changesText(connection: Connection, db: number, asked: ChangesText): TextPage<number>
  pending(connection: Connection, db: number, rest: RestOfFeed): number
}

/** What a feed still holds after `n`; before it if `descending`. */
export type RestOfFeed = {
  readonly n: number
  readonly descending: boolean
  /** What was counted before, in any database of this store. */
  readonly counts: PendingCounts
}

/** All of the database. */
export const WHOLE: Listing = {
  facts: readFacts,
  docs: readDocs,
  docsText: readDocsText,
  offset: countBefore,
  changes: readChanges,
  changesText: readChangesText,
  pending: (connection, db, { n, descending, counts }) => counts.count(connection, db, n, descending),
}
