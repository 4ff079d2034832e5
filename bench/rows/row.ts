import type { Target } from '../client/target.ts'

/** How much a row does. */
export type Size = {
  readonly documents: number
  /** Each run goes on for so long at least. */
  readonly atLeastMs: number
  readonly databases: number
  /** For what has to cost nothing however many there are. */
  readonly manyDatabases: number
  readonly feeds: number
  /** Single requests that are timed, where each of them is. */
  readonly singles: number
  /** What a slow reader is sent. */
  readonly slowAnswerMb: number
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
  /** What the value is made of, by name. */
  readonly parts?: Readonly<Record<string, number>> | undefined
}

/** As a multiple of the peer: of a CouchDB, and of express-pouchdb, which is another times faster or slower than CouchDB. */
export type RelativeGoal = { readonly ofCouch: number; readonly ofExpressPouchdb: number }
/** Whatever the peer reaches. */
export type AbsoluteGoal = { readonly atMost: number }

/** One line of the table: the same work, for any server. */
export type Row = {
  readonly key: string
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
  readonly goal?: RelativeGoal | AbsoluteGoal | undefined
  /** It has servers of its own, because of what others would leave in their memory. */
  readonly fresh?: boolean | undefined
  /** It takes long and varies little: it is done once. */
  readonly once?: boolean | undefined
  /** What has to be there before the server is started again for `measure`. */
  prepare?(target: Target, size: Size): Promise<void>
  measure(target: Target, size: Size): Promise<Sample>
}
