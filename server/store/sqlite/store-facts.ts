import { statSync } from 'node:fs'
import type { Connection } from './connection.ts'

/** What is in a store's file, for people. */
export type StoreFacts = {
  readonly databases: number
  readonly documents: number
  readonly bytes: number
}

/** Counts what is in a file that nobody writes. */
export function readStoreFacts(connection: Connection, file: string): StoreFacts {
  const row = connection.row<[number, number]>(
    'select count(*), coalesce(sum(doc_count), 0) from databases where deleted = 0',
  )
  return { databases: row?.[0] ?? 0, documents: row?.[1] ?? 0, bytes: statSync(file).size }
}
