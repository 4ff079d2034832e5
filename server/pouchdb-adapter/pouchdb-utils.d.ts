declare module 'pouchdb-utils' {
  import type { PouchError } from 'pouchdb-errors'

  /**
   * True for a change that passes the options' filter function; takes the document from it unless it was asked for. An error if the
   * function threw.
   */
  export function filterChange(
    options: object,
  ): (change: { doc?: object | undefined }) => boolean | PouchError

  /** Makes a method of a PouchDB: it waits until the database is open, and answers by callback or by promise. */
  export function adapterFun<Args extends unknown[]>(
    name: string,
    method: (...args: Args) => void,
  ): (...args: Args) => unknown

  /** Throws what PouchDB says of an id that no document can have. */
  export function invalidIdError(id: unknown): void
}
