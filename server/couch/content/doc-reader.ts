import type { Database } from '../../store/store.ts'

/** What reading a document needs of a database. */
export type DocReader = Pick<Database, 'atOnce' | 'doc' | 'revision' | 'attachment'>
