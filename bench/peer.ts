import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { couchdb } from './servers/couchdb.ts'
import { divan } from './servers/divan.ts'
import { expressPouchdb } from './servers/express-pouchdb.ts'
import type { ServerKind } from './servers/measured-server.ts'

/** The least that a server does for single documents. */
const BARE_PROGRAM = fileURLToPath(
  new URL(`./bare-server-main.${import.meta.url.slice(-2)}`, import.meta.url),
)

/** What ours is compared with: `express-pouchdb`, the URL of a CouchDB, `divan` for this build, another build's `divan.js`, or `bare`. */
export function peerOf(text: string): ServerKind {
  if (text === expressPouchdb.name) return expressPouchdb
  if (/^https?:/.test(text)) return couchdb(new URL(text))
  if (text === 'bare') return divan({ name: 'a bare server', program: BARE_PROGRAM })
  if (text === 'divan') return divan({ name: 'divan as peer' })
  if (text.endsWith('divan.js')) return divan({ name: 'the other build', program: resolve(text) })
  throw new Error(
    `--peer is express-pouchdb, http://user:password@host:port, divan, bare, or the path of a divan.js: ${text}`,
  )
}
