import { resolve } from 'node:path'
import { couchdb } from './servers/couchdb.ts'
import { divan } from './servers/divan.ts'
import { expressPouchdb } from './servers/express-pouchdb.ts'
import type { ServerKind } from './servers/measured-server.ts'

/** What ours is compared with: `express-pouchdb`, the URL of a CouchDB, `divan` for this build, or another build's `divan.js`. */
export function peerOf(text: string): ServerKind {
  if (text === expressPouchdb.name) return expressPouchdb
  if (/^https?:/.test(text)) return couchdb(new URL(text))
  if (text === 'divan') return divan({ name: 'divan as peer' })
  if (text.endsWith('divan.js')) return divan({ name: 'the other build', program: resolve(text) })
  throw new Error(
    `--peer is express-pouchdb, http://user:password@host:port, divan, or the path of a divan.js: ${text}`,
  )
}
