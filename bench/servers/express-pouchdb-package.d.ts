declare module 'express-pouchdb' {
  import type { RequestHandler } from 'express'

  type Options = {
    readonly mode?: 'minimumForPouchDB' | 'fullCouchDB' | undefined
    readonly inMemoryConfig?: boolean | undefined
  }
  /** The server as a handler for Express 4. */
  export default function expressPouchdb(PouchDB: unknown, options?: Options): RequestHandler
}

declare module 'express4' {
  export { default } from 'express'
}
