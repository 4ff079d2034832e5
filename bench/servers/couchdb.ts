import { withConnection } from '../client/connection.ts'
import { requestOf, type Target } from '../client/target.ts'
import type { ServerKind } from './measured-server.ts'

/** A CouchDB that is there: it is neither started nor stopped. Databases that the benchmark made are removed in the end. */
export function couchdb(url: URL): ServerKind {
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  const authorization =
    url.username === '' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  const target: Target = {
    name: 'couchdb',
    host: url.hostname,
    port: Number(url.port || 5984),
    authorization,
    most: { feeds: 10_000, databases: 2000 },
  }
  return {
    name: 'couchdb',
    promisesSync: true,
    async start() {
      const there = new Set(await databasesOf(target))
      const close = async () => {
        const made = (await databasesOf(target)).filter(name => !there.has(name))
        await removeDatabases(target, made.filter(isOfBenchmark))
      }
      return { target, close }
    },
  }
}

function isOfBenchmark(name: string): boolean {
  return /^(bench-|userdb-)/.test(name)
}

async function databasesOf(target: Target): Promise<string[]> {
  return await withConnection(target, async connection => {
    const { body } = await connection.ask(requestOf(target, 'GET', '_all_dbs'), { keep: true })
    return JSON.parse(body.toString())
  })
}

async function removeDatabases(target: Target, names: readonly string[]): Promise<void> {
  await withConnection(target, async connection => {
    for (const name of names) await connection.send(requestOf(target, 'DELETE', name))
  })
}
