import { createHash } from 'node:crypto'
import { userDbName } from '../../design-docs/user-db.ts'
import type { Caller } from '../auth/caller.ts'
import type { Store } from '../store/store.ts'

/**
 * What `GET /` tells a caller the server's uuid is. PouchDB asks for it each time a session begins and names its replication log after
 * it, so a user is told another one once his database was deleted and made anew: what a session that lives on from before
 * still writes is under a name that no later session reads. An ordinary restart changes nothing.
 *
 * Who has no database yet, or a token that ran out in the middle, is told the store's own. Then his next session has another name
 * for its log and compares everything once more: that costs requests, and no document.
 */
export function replicationUuid(store: Store, caller: Caller): string {
  const database = caller.kind === 'user' ? store.database(userDbName(caller.sub)) : undefined
  if (database === undefined) return store.uuid
  // The place before the first change has the epoch with which this database was made.
  return createHash('sha256')
    .update(`${store.uuid} ${database.sequence(0)}`)
    .digest('hex')
    .slice(0, 32)
}
