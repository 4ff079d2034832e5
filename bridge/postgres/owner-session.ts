import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { DIVAN } from './cluster.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { isPostmaster } from './postmaster-pid.ts'

/** Whoever holds this advisory lock in the database `postgres` owns the embedded Postgres: "divan" in ASCII. */
const OWNER_LOCK = '431197774190'

/** The session of an owner that was killed just now lives on until Postgres notices: some ms. */
const OWNER_GONE_MS = 2_000
const RETRY_MS = 100

/** Where and what we own. */
export type OwnedServer = {
  readonly pid: number
  readonly data: string
  readonly port: number
  readonly password: string
}

/** Proof that this process, and no other, is the one that stops this Postgres. */
export type OwnerSession = { readonly client: pg.Client; release(): void }

/**
 * Owning a Postgres is holding a lock inside it. A lock file would outlive a `kill -9`, a process id may be
 * somebody else's by now; a session ends with its process, always. So a Postgres that was left behind can be
 * adopted, and one that another living process uses cannot. After a crash of a backend Postgres ends all
 * sessions and goes on: then the lock is taken again.
 */
export async function ownServer(server: OwnedServer): Promise<OwnerSession> {
  let released = false
  const client = await takeLock(server)
  const session: { client: pg.Client; release(): void } = {
    client,
    release: () => {
      released = true
      void session.client.end().catch(() => {})
    },
  }
  const keep = (held: pg.Client): void => {
    held.once('end', async () => {
      while (!released && isPostmaster(server.pid, server.data)) {
        const again = await takeLock(server).catch(() => undefined)
        if (again && released) return void again.end().catch(() => {})
        if (again) {
          session.client = again
          return keep(again)
        }
        await sleep(RETRY_MS)
      }
    })
  }
  keep(client)
  return session
}

/** Makes the database of the mirror unless it is there. */
export async function makeDatabase(client: pg.Client): Promise<void> {
  const found = await client.query('select 1 from pg_database where datname = $1', [DIVAN])
  if (found.rowCount === 0) await client.query(`create database ${DIVAN}`)
}

async function takeLock(server: OwnedServer): Promise<pg.Client> {
  const client = await connect(server)
  for (const until = Date.now() + OWNER_GONE_MS; ; ) {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as owned', [OWNER_LOCK])
    if (rows[0]?.owned === true) return client
    if (Date.now() > until) break
    await sleep(RETRY_MS)
  }
  await client.end()
  throw new EmbeddedPostgresError(
    `The embedded Postgres in ${server.data} is in use by another running process`,
  )
}

async function connect({ port, password }: OwnedServer): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: DIVAN,
    password,
    database: 'postgres',
    application_name: 'divan owner',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  client.on('error', () => {})
  await client.connect()
  return client
}
