import pg from 'pg'
import type { Logger } from 'pino'
import { BridgeError } from './bridge-error.ts'
import { isAfterFailure, isConnectionError, isTooManyConnections } from './postgres-errors.ts'

/** What runs a statement: the pool, or the one connection of a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>

const CONNECT_TIMEOUT_MS = 10_000

/** Longer than what Postgres itself allows a statement, or a transaction from version 17 on: so it mostly ends waits on a connection that is dead. */
const ANSWER_TIMEOUT_MS = 75_000

/** A connection that said nothing for so long is asked whether it is still there. */
const KEEP_ALIVE_MS = 10_000

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
    // Statements that do not need each other's answers are sent together.
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
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
 * Nothing of a transaction may outlive its bridge: a process that is stopped, or a machine without power, says nothing
 * and holds its locks, which another bridge passes by until they are gone. Postgres ends it after ten seconds without
 * a statement; where a statement came half, after seventy (it can from version 17 on), or when the machine of the
 * bridge answers no more.
 *
 * The settings stand in the transaction, not in the connection: so they also hold behind a pooler such as
 * PgBouncer, which refuses them as parameters of a connection.
 *
 * The default schema leaves out `divan`: to a role of that name Postgres offers a schema of its own name first, and
 * the mirror's tables would stand among the bridge's own, where nobody else looks for them.
 */
const BEGIN = `begin;
set local statement_timeout = '60s';
set local lock_timeout = '5s';
set local idle_in_transaction_session_timeout = '10s';
set local tcp_keepalives_idle = 10;
set local tcp_keepalives_interval = 5;
set local tcp_keepalives_count = 3;
set local timezone = 'UTC';
select set_config('search_path', coalesce((
  select quote_ident(name) from unnest(current_schemas(false)) with ordinality as s(name, place)
   where name <> 'divan' order by place limit 1), ''), true)`

/** A batch that takes longer is given back and tried again in smaller pieces. */
const LIMIT_TRANSACTION = `;
select set_config('transaction_timeout', '70s', true)
 where current_setting('transaction_timeout', true) is not null`

/** Runs `work` in one transaction: all of it is stored, or nothing. */
export async function inTransaction<T>(pool: pg.Pool, work: (sql: Queryable) => Promise<T>): Promise<T> {
  return await between(BEGIN + LIMIT_TRANSACTION, pool, work)
}

/** The same for what takes as long as it takes: a whole database. */
export async function inLongTransaction<T>(pool: pg.Pool, work: (sql: Queryable) => Promise<T>): Promise<T> {
  return await between(BEGIN, pool, work)
}

/**
 * The answers to statements that were sent together, in that order. Of those that failed the first says why: the ones
 * behind it only say that the transaction has failed, and may be heard of sooner.
 */
export async function answered<T extends readonly unknown[] | []>(
  sent: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  const answers = await Promise.allSettled(sent)
  const reasons = answers.flatMap(answer => (answer.status === 'rejected' ? [answer.reason] : []))
  if (reasons.length > 0) throw reasons.find(reason => !isAfterFailure(reason)) ?? reasons[0]
  return await Promise.all(sent)
}

/** A transaction that first looks or locks, and then does what follows from that. */
export type LookAndWork<F, T> = {
  /**
   * Writes nothing: it is sent together with the `begin`, before anyone knows that there is a transaction. A
   * statement that fails in it must fail `look`.
   */
  readonly look: (sql: Queryable) => Promise<F>
  readonly work: (sql: Queryable, found: F) => Promise<T>
}

/** The same, with a round trip less. */
export async function inLookingTransaction<F, T>(pool: pg.Pool, steps: LookAndWork<F, T>): Promise<T> {
  return await lookedThrough(BEGIN + LIMIT_TRANSACTION, pool, steps)
}

/**
 * The transaction of a batch. Its commit does not wait for the disk: a Postgres that loses its power then loses the
 * last batches of some hundred milliseconds, but each whole, rows and cursor together, and none without those after it. The
 * marks, which are committed in the ordinary way, are there again, and the changes are read again. What names a place
 * or a mark must not be committed so: after a crash Postgres would give the number of a lost mark once more.
 */
export async function inBatch<F, T>(pool: pg.Pool, steps: LookAndWork<F, T>): Promise<T> {
  return await lookedThrough(BEGIN + LIMIT_TRANSACTION + LAZY_COMMIT, pool, steps)
}

const LAZY_COMMIT = `;
set local synchronous_commit = off`

/**
 * One statement in a transaction, for its limits: `begin`, it and `commit` are sent together. If it writes, then what
 * may be lost as a batch may.
 */
export async function single<T>(pool: pg.Pool, statement: (sql: Queryable) => Promise<T>): Promise<T> {
  return await onConnection(pool, async client => {
    const begun = client.query(BEGIN + LIMIT_TRANSACTION + LAZY_COMMIT)
    const [, result] = await answered([begun, statement(client), client.query('commit')])
    return result
  })
}

async function between<T>(begin: string, pool: pg.Pool, work: (sql: Queryable) => Promise<T>): Promise<T> {
  return await lookedThrough(begin, pool, { look: async () => undefined, work })
}

async function lookedThrough<F, T>(
  begin: string,
  pool: pg.Pool,
  { look, work }: LookAndWork<F, T>,
): Promise<T> {
  return await onConnection(pool, async client => {
    const [, found] = await answered([client.query(begin), look(client)])
    const result = await work(client, found)
    await client.query('commit')
    return result
  })
}

async function onConnection<T>(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await connection(pool)
  let broken: Error | undefined
  let lastWords: Error | undefined
  // Where Postgres ends the connection between two statements, the next one fails without saying why.
  const hear = (error: Error) => {
    lastWords ??= error
  }
  client.on('error', hear)
  try {
    return await use(client)
  } catch (error) {
    broken = lastWords ?? (await rollBack(client, error))
    throw lastWords instanceof pg.DatabaseError ? lastWords : error
  } finally {
    client.off('error', hear)
    // A connection in an unknown state is closed, not given to the next one.
    client.release(broken)
  }
}

/** Pools that have fewer connections than they would use, for so long. */
const narrowed = new WeakSet<pg.Pool>()
const NARROW_MS = 60_000

/** Where Postgres refuses one more connection, the pool goes on with those it has, and asks for more later. */
async function connection(pool: pg.Pool): Promise<pg.PoolClient> {
  for (;;) {
    try {
      return await pool.connect()
    } catch (error) {
      if (!isTooManyConnections(error) || pool.totalCount === 0) throw error
      if (!narrowed.has(pool)) widenLater(pool, pool.options.max)
      pool.options.max = pool.totalCount
    }
  }
}

function widenLater(pool: pg.Pool, max: number): void {
  narrowed.add(pool)
  const widen = () => {
    pool.options.max = max
    narrowed.delete(pool)
  }
  setTimeout(widen, NARROW_MS).unref()
}

/** The error that makes the connection unusable, if there is one. */
async function rollBack(client: pg.PoolClient, error: unknown): Promise<Error | undefined> {
  // Where the driver waited in vain for an answer, the next one would be waited for as long.
  if (error instanceof Error && !(error instanceof pg.DatabaseError) && isConnectionError(error)) return error
  return await client.query('rollback').then(
    () => undefined,
    cause => new Error('the connection could not roll back', { cause }),
  )
}

/** Far less than Postgres allows between two statements. */
const AWAKE_MS = 3000

/**
 * Waits for something else than Postgres in the middle of a transaction, and lets Postgres know that somebody is
 * still there. One statement at a time.
 */
export async function stayingAwake<T>(sql: Queryable, waiting: Promise<T>): Promise<T> {
  let beat: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    // A connection that is lost fails the next statement that matters.
    beat = beat.then(() => sql.query('select')).catch(() => undefined)
  }, AWAKE_MS)
  try {
    return await waiting
  } finally {
    clearInterval(timer)
    await beat
  }
}

/** Does some work over a connection of its own. */
export async function withConnection<T>(databaseUrl: string, work: (sql: pg.Pool) => Promise<T>): Promise<T> {
  const pool = openPool(databaseUrl, 1)
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

/** Host, port and database of a URL, without credentials: fit for messages. */
export function postgresName(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return 'Postgres'
  const { host, pathname } = new URL(databaseUrl)
  return `Postgres at ${host}${pathname}`
}
