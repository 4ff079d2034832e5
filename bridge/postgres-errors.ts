import { AssertionError } from 'node:assert'
import pg from 'pg'

/**
 * What Postgres says when it cannot do now what it could do a moment later: the same transaction is tried again,
 * from the cursor it began at. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const RETRYABLE_CODES: ReadonlyMap<string, string> = new Map([
  ['25006', 'read_only_sql_transaction: a standby that is not promoted yet'],
  ['40001', 'serialization_failure'],
  ['40P01', 'deadlock_detected'],
  ['53000', 'insufficient_resources'],
  ['53100', 'disk_full'],
  ['53200', 'out_of_memory'],
  ['53300', 'too_many_connections'],
  ['53400', 'configuration_limit_exceeded: also temp_file_limit'],
  ['55006', 'object_in_use'],
  ['55P03', 'lock_not_available'],
  ['57014', 'query_canceled: also by a statement timeout'],
  ['57P01', 'admin_shutdown'],
  ['57P02', 'crash_shutdown'],
  ['57P03', 'cannot_connect_now: it is starting up'],
  ['57P05', 'idle_session_timeout'],
  ['25P03', 'idle_in_transaction_session_timeout'],
  ['25P04', 'transaction_timeout'],
  ['58030', 'io_error'],
])

/** Codes that start so mean the connection, not the statement. */
const CONNECTION_CLASS = '08'

/**
 * The value does not fit (22), a constraint refuses it (23), it is too large for an index (54000); or what an operator
 * has put on a table refuses it: a trigger (P0, and 38 or 39 in another language), a view's check option (44).
 */
const DATA_ERROR = /^(22|23|38|39|44|54000|P0)/

/** Codes only an operator can do something about: identification (28), a missing database, missing rights. */
const OPERATOR_ERROR = /^(28|3D000|3F000|42501|0LP01)/

/**
 * How a failure of Postgres is read:
 * - `retry`: try the same again later;
 * - `data`: this row will never be stored, others will;
 * - `operator`: someone must put something right first;
 * - `unknown`: none of these. The caller tries again, loudly.
 */
export type Verdict = 'retry' | 'data' | 'operator' | 'unknown'

/** Reads an error that a query or a connection threw. */
export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof pg.DatabaseError)) return isConnectionError(error) ? 'retry' : 'unknown'
  const code = error.code ?? ''
  if (RETRYABLE_CODES.has(code) || code.startsWith(CONNECTION_CLASS)) return 'retry'
  if (DATA_ERROR.test(code)) return 'data'
  return OPERATOR_ERROR.test(code) ? 'operator' : 'unknown'
}

/** Somebody else holds what a batch needs, or the batch takes too long: others may succeed meanwhile. */
const BUSY_CODES: readonly string[] = ['40001', '40P01', '55006', '55P03', '57014', '25P03', '25P04']

/** Whether Postgres has no time for this batch; of all that is tried again the rest concerns every batch. */
export function isBusy(error: unknown): boolean {
  return error instanceof pg.DatabaseError && BUSY_CODES.includes(error.code ?? '')
}

/** What the driver says when Postgres has not answered in time, all statements that were sent together counted. */
const READ_TIMEOUT = 'Query read timeout'

/** Whether a batch took longer than it may: a statement, all of it, or the bridge itself between two statements. */
export function isTooSlow(error: unknown): boolean {
  if (error instanceof Error && error.message === READ_TIMEOUT) return true
  return error instanceof pg.DatabaseError && ['57014', '25P03', '25P04'].includes(error.code ?? '')
}

/** Whether Postgres has no more connections, for anybody or for this user. */
export function isTooManyConnections(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '53300'
}

/** What the driver itself says carries no code. */
const DRIVER_ERROR = /connection|timeout|SSL|^SASL/i

/** Whether Postgres, its driver or the system says so. An error that none of them made is a bug. */
export function isPostgresError(error: unknown): error is Error {
  if (error instanceof pg.DatabaseError) return true
  if (!(error instanceof Error) || isBug(error)) return false
  return ('code' in error && typeof error.code === 'string') || DRIVER_ERROR.test(error.message)
}

/** Whether the user may not do what a statement does. */
export function isMissingRight(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.code === '42501'
}

/** Whether a statement failed only because one before it in the transaction had (`in_failed_sql_transaction`). */
export function isAfterFailure(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '25P02'
}

/** A table, a column or a type that somebody dropped or renamed while a bridge runs. */
const MISSING_CODES: readonly string[] = ['42P01', '42703', '42704']

/** Whether Postgres no longer has something that the schema was prepared with. */
export function isMissingPart(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && MISSING_CODES.includes(error.code ?? '')
}

/** What JavaScript and node:assert throw. They too may have a code, and "connection" in their message. */
function isBug(error: Error): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError, AssertionError].some(
    kind => error instanceof kind,
  )
}

/** Errors of sockets and of the driver itself carry no SQLSTATE. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error) || isBug(error)) return false
  if ('code' in error && typeof error.code === 'string' && /^E[A-Z_]+$/.test(error.code)) return true
  return /connection|timeout/i.test(error.message) && !/SSL/.test(error.message)
}
