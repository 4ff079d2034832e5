import type { JsonObject } from '../../design-docs/json-object.ts'
import { CouchError } from '../couch-error.ts'
import type { Database } from '../store/store.ts'
import { bodyMembers } from './body-members.ts'

/** More often nobody else writes between a reading and the write that follows it. */
const ATTEMPTS = 5

/** The members of a local doc; none if it is not there or is nothing that we wrote. Its user may write it, too. */
export function localMembers(database: Database, id: string): JsonObject {
  return bodyMembers(database.localDoc(id)?.body)
}

/** Replaces a local doc by what `change` makes of it. Undefined: it stays as it is. Resolves when it is on disk. */
export async function changeLocalMembers(
  database: Database,
  id: string,
  change: (members: JsonObject) => JsonObject | undefined,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { rev } = database.localDoc(id) ?? {}
    const changed = change(localMembers(database, id))
    if (changed === undefined) return
    try {
      await database.writeLocalDoc(id, rev, JSON.stringify(changed))
      return
    } catch (error) {
      if (!(error instanceof CouchError && error.word === 'conflict') || attempt === ATTEMPTS) throw error
    }
  }
}
