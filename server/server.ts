import type { Store } from './store/store.ts'

/** What the server needs to know; commands/settings.ts reads it from the environment. */
export type ServerOptions = {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** The folder that holds the store's file and uploads in progress. Made if it does not exist. */
  readonly dataFolder: string
  readonly jwt: {
    readonly secret: string
    readonly algorithm: 'HS256'
    /** Undefined: not checked. */
    readonly issuer: string | undefined
    readonly audience: string | undefined
  }
  /** Server admins; hashes as made by `hashPassword` of auth/password.ts. */
  readonly admins: readonly { readonly name: string; readonly passwordHash: string }[]
  readonly corsOrigins: readonly string[]
  readonly maxDocumentBytes: number
  readonly maxAttachmentBytes: number
  readonly trustProxy: boolean
  readonly logLevel: string
}

/** A running server. */
export type Server = {
  /** With the real port, without credentials or a trailing slash. */
  readonly url: string
  readonly store: Store
  /** Takes no more requests, ends live feeds with a valid last line, then closes the store. */
  close(): Promise<void>
}

/** Opens the store and listens. Fails with one clear line for the operator. */
export async function startServer(_options: ServerOptions): Promise<Server> {
  throw new Error('not started')
}
