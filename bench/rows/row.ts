import type { Target } from '../client/target.ts'

/** How much a row does. */
export type Size = {
  readonly documents: number
  /** Each run goes on for so long at least. */
  readonly atLeastMs: number
  readonly databases: number
  readonly feeds: number
}

/** One run's result. */
export type Sample = {
  readonly value: number
  /** Processor time of the server for 1,000 units, in seconds. */
  readonly serverSeconds?: number | undefined
  /** Of one core, what the client used: above 0.85 it was the client that was measured. */
  readonly clientShare?: number | undefined
  readonly residentMb?: number | undefined
  readonly descriptors?: number | undefined
}

/** One line of the table: the same work, for any server. */
export type Row = {
  readonly key: string
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** The goal as a multiple: of a CouchDB, and of express-pouchdb, which is another times faster or slower than CouchDB. */
  readonly goal?: { readonly ofCouch: number; readonly ofExpressPouchdb: number } | undefined
  measure(target: Target, size: Size): Promise<Sample>
}
