import pg from 'pg'
import type { Logger } from 'pino'
import { BridgeError } from './bridge-error.ts'

/** What runs a statement: the pool, or the one connection of a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>

const CONNECT_TIMEOUT_MS = 10_000

/** Longer than the server's own statement timeout: it only ends waits on a connection that is dead. */
const ANSWER_TIMEOUT_MS = 150_000

/**
 * Opens a pool of at most `max` connections; connects to nothing yet. A connection that Postgres closes while it
 * is idle is replaced at the next query, so its error is only worth a line for those who debug.
 */
export function openPool(databaseUrl: string, max: number, log?: Logger): pg.Pool {
  const config = poolConfig(databaseUrl)
  checkConfig(config)
  const pool = new pg.Pool({ ...config, max })
  pool.on('error', error => log?.debug({ reason: error.message }, 'Postgres closed an idle connection'))
  // A connection that is lost while a transaction holds it, or after, fails the next statement. The pool listens
  // only while it is idle, and an error event nobody listens to ends the process.
  pool.on('connect', client => client.on('error', () => undefined))
  return pool
}

function poolConfig(databaseUrl: string): pg.PoolConfig {
  if (!/^postgres(ql)?:\/\//.test(databaseUrl)) {
    throw new BridgeError('the database URL does not start with postgres://: check DATABASE_URL')
  }
  return {
    connectionString: databaseUrl,
    application_name: 'divan-bridge',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    // A closed bridge must not wait for idle connections.
    allowExitOnIdle: true,
  }
}

/** The driver reads the URL, and the files that it names, only when it makes a client. */
function checkConfig(config: pg.PoolConfig): void {
  try {
    new pg.Client(config)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new BridgeError(`the database URL cannot be read (${reason}): check DATABASE_URL`, { cause })
  }
}

/**
 * The settings stand in the transaction, not in the connection: so they also hold behind a pooler such as
 * PgBouncer, which refuses them as parameters of a connection.
 *
 * The default schema leaves out `divan`: to a role of that name Postgres offers a schema of its own name first, and
 * the mirror's tables would stand among the bridge's own, where nobody else looks for them.
 */
const BEGIN = `begin;
set local statement_timeout = '120s';
set local lock_timeout = '20s';
set local idle_in_transaction_session_timeout = '120s';
set local timezone = 'UTC';
select set_config('search_path', coalesce((
  select quote_ident(name) from unnest(current_schemas(false)) with ordinality as s(name, place)
   where name <> 'divan' order by place limit 1), ''), true)`

/** Runs `work` in one transaction: all of it is stored, or nothing. */
export async function inTransaction<T>(pool: pg.Pool, work: (sql: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query(BEGIN)
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    broken = await client.query('rollback').then(
      () => undefined,
      cause => new Error('the connection could not roll back', { cause }),
    )
    throw error
  } finally {
    // A connection in an unknown state is closed, not given to the next one.
    client.release(broken)
  }
}

/** Host, port and database of a URL, without credentials: fit for messages. */
export function postgresName(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return 'Postgres'
  const { host, pathname } = new URL(databaseUrl)
  return `Postgres at ${host}${pathname}`
}
