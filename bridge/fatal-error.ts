import { BridgeError } from './bridge-error.ts'
import { ServerError } from './couch-client.ts'
import { RebuildUnderWay } from './descriptions/rebuild-under-way.ts'
import { postgresName } from './postgres-client.ts'
import { isPostgresError, verdictOf } from './postgres-errors.ts'

/**
 * What ends a start: a `BridgeError` of one line for what only an operator can mend, and a bug as it is, with its
 * stack. Undefined for what may pass by itself.
 */
export function fatalError(error: unknown, databaseUrl: string): unknown {
  if (error instanceof BridgeError) return error
  if (error instanceof ServerError) return fatalAnswer(error)
  if (error instanceof RebuildUnderWay) return undefined
  if (verdictOf(error) === 'retry') return undefined
  if (!isPostgresError(error)) return error
  return new BridgeError(
    `${postgresName(databaseUrl)} cannot be used: ${error.message}. Check DATABASE_URL`,
    {
      cause: error,
    },
  )
}

function fatalAnswer(error: ServerError): BridgeError | undefined {
  if (error.status === 401 || error.status === 403) {
    return new BridgeError(error.message, { cause: error })
  }
  if (error.status !== 404) return undefined
  const message = `${error.message}: it has no feed of changed databases (a CouchDB needs the database _global_changes). Check DIVAN_SERVER_URL`
  return new BridgeError(message, { cause: error })
}
