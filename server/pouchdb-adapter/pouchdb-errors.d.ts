declare module 'pouchdb-errors' {
  /** An error as PouchDB hands it to its callers. `error: true` is what its core tells a refused document by. */
  export type PouchError = Error & {
    status: number
    name: string
    error: true
    reason?: string
    id?: string
  }
  type Kind = {
    readonly status: number
    readonly name: string
    readonly message: string
    readonly error: true
  }
  export const MISSING_DOC: Kind
  export const REV_CONFLICT: Kind
  export const MISSING_STUB: Kind
  export const DB_MISSING: Kind
  export const BAD_ARG: Kind
  export const UNKNOWN_ERROR: Kind
  export function createError(kind: Kind, reason?: string): PouchError
}
