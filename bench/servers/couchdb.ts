import type { ServerKind } from './measured-server.ts'

/** A CouchDB that is there: it is neither started nor stopped, and keeps the databases that the benchmark makes. */
export function couchdb(url: URL): ServerKind {
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  const authorization =
    url.username === '' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  const target = { name: 'couchdb', host: url.hostname, port: Number(url.port || 5984), authorization }
  return { name: 'couchdb', start: async () => ({ target, close: async () => undefined }) }
}
