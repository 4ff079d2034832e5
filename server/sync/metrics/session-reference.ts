import { docId, isDeviceId, parseDocId, referenceTo } from '../../../design-docs/doc-id.ts'
import { isUuid } from '../../../design-docs/uuid.ts'
import { CouchError } from '../../couch-error.ts'
import type { Database } from '../../store/store.ts'
import type { ServerIds } from '../server-ids.ts'

const SESSION = 'session'

/** How a client names a session. */
export type NamedSession = {
  /** A client id, a server id, or `<deviceId>:<clientId>`. */
  readonly name: string
  /** Within which a client id means something that is no UUID. */
  readonly deviceId: string | undefined
  /** The user's main database, if there is one yet. */
  readonly main: Database | undefined
}

/**
 * What references to the session hold, deleted sessions and those that have not been pushed yet too: as it is named if there is such a
 * session, else through the server id, else by the rule for the ids of documents. Undefined: it can name none.
 */
export async function sessionReference(
  serverIds: ServerIds,
  { name, deviceId, main }: NamedSession,
): Promise<string | undefined> {
  const given = isUuid(name) ? name.toLowerCase() : name
  if (main?.doc(`${SESSION}:${given}`) !== undefined) return given
  const ids = main && (await serverIds.ofType(main, SESSION))
  if (isUuid(given)) {
    const id = ids?.get(given)
    return id === undefined ? given : referenceTo(id)
  }
  if (deviceId !== undefined && isDeviceId(deviceId)) return referenceTo(docId(SESSION, given, deviceId))
  return onlyOne(ids?.values() ?? [], given) ?? (parseDocId(`${SESSION}:${given}`) ? given : undefined)
}

/** Whoever asks for a session may leave out whose it is, as long as one device of the user has such a one. */
function onlyOne(ids: Iterable<string>, clientId: string): string | undefined {
  const found: string[] = []
  for (const id of ids) if (parseDocId(id)?.clientId === clientId) found.push(referenceTo(id))
  if (found.length > 1)
    throw new CouchError(
      'bad_request',
      `sessionId: ${found.length} devices have a session with this id; name one with ?deviceId=.`,
    )
  return found[0]
}
