import type { ChangeRow, ChangesQuery, DatabaseFacts, DocRow, DocsQuery } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { readChanges } from './changes.ts'
import { countPending, readFacts } from './counts.ts'
import { countBefore, readDocs } from './docs.ts'

/** What a handle tells of its database as a whole: all of it, or one type. */
export type Listing = {
  facts(connection: Connection, db: number): DatabaseFacts
  docs(connection: Connection, db: number, query: DocsQuery): DocRow[]
  offset(connection: Connection, db: number, query: Pick<DocsQuery, 'startKey' | 'descending'>): number
  changes(connection: Connection, db: number, query: ChangesQuery): ChangeRow[]
  pending(connection: Connection, db: number, n: number, descending: boolean): number
}

/** All of the database. */
export const WHOLE: Listing = {
  facts: readFacts,
  docs: readDocs,
  offset: countBefore,
  changes: readChanges,
  pending: countPending,
}
