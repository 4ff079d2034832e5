import type { Results } from '../commands.ts'
import { replaceUuid, storedUuid } from '../store-uuid.ts'
import type { Transaction } from './transaction.ts'

/**
 * Gives the store a new uuid, once in a run of the writer: data goes back in time only while no server runs. Answers the one that
 * holds now.
 */
export function renewUuid({ connection, runId }: Transaction): Results['renewUuid'] {
  const renewedIn = connection.row<[string]>("select value from store where key = 'uuid_run'")?.[0]
  if (renewedIn !== runId) {
    replaceUuid(connection)
    connection.run("insert or replace into store values ('uuid_run', ?)", runId)
  }
  return storedUuid(connection)
}
