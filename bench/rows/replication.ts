import memoryAdapter from 'pouchdb-adapter-memory'
import PouchDB from 'pouchdb-node'
import { withConnection } from '../client/connection.ts'
import { docText } from '../client/docs.ts'
import type { Target } from '../client/target.ts'
import { filledDatabase, makeDatabase, newDatabaseName } from './databases.ts'
import { cpuMsOf, heldBy } from './process-cost.ts'
import type { Row, Sample, Size } from './row.ts'

PouchDB.plugin(memoryAdapter)

/** A real client with its database in memory. It parses what it gets and merges it, so that it is mostly the client that takes time. */
async function replicate(
  target: Target,
  size: Size,
  { from, local }: { readonly from: 'server' | 'client'; readonly local: PouchDB.Database },
): Promise<Sample> {
  const name =
    from === 'server'
      ? await filledDatabase(target, size.documents)
      : await withConnection(target, connection => makeDatabase(target, connection))
  const remote = remoteOf(target, name)
  const before = { time: performance.now(), server: cpuMsOf(target.pid), client: process.cpuUsage() }
  const { docs_written } = await (from === 'server'
    ? local.replicate.from(remote)
    : local.replicate.to(remote))
  const ms = performance.now() - before.time
  const { user, system } = process.cpuUsage(before.client)
  const serverMs = (cpuMsOf(target.pid) ?? Number.NaN) - (before.server ?? Number.NaN)
  if (docs_written !== size.documents) throw new Error(`${docs_written} documents were replicated`)
  return {
    value: (1000 * docs_written) / ms,
    serverSeconds: Number.isNaN(serverMs) ? undefined : serverMs / docs_written,
    clientShare: (user + system) / 1000 / ms,
    ...heldBy(target.pid),
  }
}

function localDatabase(): PouchDB.Database {
  return new PouchDB(newDatabaseName(), { adapter: 'memory' })
}

function remoteOf({ host, port, authorization }: Target, name: string): PouchDB.Database {
  return new PouchDB(`http://${host}:${port}/${name}`, {
    skip_setup: true,
    fetch(url, options) {
      const headers = new Headers(options?.headers)
      if (authorization !== undefined) headers.set('Authorization', authorization)
      return PouchDB.fetch(url, { ...options, headers })
    },
  })
}

export const replicationRows: readonly Row[] = [
  {
    key: 'replicate-from',
    title: 'first replication to a PouchDB in memory',
    unit: 'docs/s',
    better: 'more',
    once: true,
    measure: (target, size) => replicate(target, size, { from: 'server', local: localDatabase() }),
  },
  {
    key: 'replicate-to',
    title: 'first replication from a PouchDB in memory',
    unit: 'docs/s',
    better: 'more',
    once: true,
    async measure(target, size) {
      const local = localDatabase()
      const docs = Array.from({ length: size.documents }, (_, number) => JSON.parse(docText(number)))
      for (let start = 0; start < docs.length; start += 1000)
        await local.bulkDocs(docs.slice(start, start + 1000))
      return await replicate(target, size, { from: 'client', local })
    },
  },
]
