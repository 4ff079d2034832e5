import { BoundedMap } from '../../bounded-map.ts'
import { CouchError } from '../../couch-error.ts'
import { isSequence } from '../../store/sequences.ts'
import type { Database } from '../../store/store.ts'
import type { RawDoc } from '../content/doc-input.ts'

/** Logs that were asked for and not yet written: a session is among them from its beginning to the end of its first batch. */
const MAX_LOGS_PER_DATABASE = 50
/** Those that were used last. So nobody who asks for anything in his own database has others' sessions forgotten. */
const MAX_DATABASES = 20_000
/** PouchDB asks for its log once when a session begins, and again before it writes it. */
const ASKED_BY_A_NEW_SESSION = 2

/** How often each missing log of a database was asked for. */
type Asked = BoundedMap<string, number>

/**
 * Keeps a PouchDB from noting in a new log what it told the database of an earlier time. A live push goes on in the phone's memory
 * while the server restarts on older data, or while the database is deleted and made anew: at the next document it would find no
 * log and write one, and all that it had pushed before and that is gone here would stay away for ever, because from then on both
 * logs agree. So a new log is taken only from a session that has asked for it at its beginning and was told that there is none: that
 * one compares everything. Any other is told `service_unavailable` once, which makes PouchDB begin a session anew.
 *
 * What is forgotten here (a restart, too many logs) costs one such answer more. And of two sessions that live on with one log, as
 * in two tabs, each counts for the other, so that its log is taken: then it is left to `replication-uuid.ts` that no later
 * session reads it.
 */
export class BegunSessions {
  readonly #databases = new BoundedMap<string, Asked>(MAX_DATABASES)

  /** A client asked for a local doc that is not there. */
  noteMissing(database: Database, name: string): void {
    const asked = this.#askedOf(database)
    asked.set(keyOf(name), (asked.get(keyOf(name)) ?? 0) + 1)
  }

  /** @throws CouchError if this is a log that is not there, of a session that began before. */
  checkNewLog(database: Database, name: string, doc: RawDoc): void {
    if (!isPushLog(doc)) return
    const asked = this.#askedOf(database)
    if ((asked.get(keyOf(name)) ?? 0) >= ASKED_BY_A_NEW_SESSION) {
      asked.delete(keyOf(name))
      return
    }
    // Never twice: a session that was given its `since` does not ask at its beginning. It cannot be told from one that lives on: both
    // may write their log before they compare anything, the one its `since`, the other what an empty batch brought it to.
    asked.set(keyOf(name), ASKED_BY_A_NEW_SESSION)
    throw new CouchError(
      'service_unavailable',
      'This database knows nothing of that replication: begin it anew.',
    )
  }

  /** A database that is made anew begins with an epoch of its own. */
  #askedOf(database: Database): Asked {
    const epoch = database.sequence(0)
    const known = this.#databases.get(epoch)
    if (known !== undefined) return known
    const asked: Asked = new BoundedMap(MAX_LOGS_PER_DATABASE)
    this.#databases.set(epoch, asked)
    return asked
  }
}

function keyOf(name: string): string {
  return name.slice(0, 100)
}

/**
 * Phones number their own changes. A log with one of our sequences belongs to a pull: it notes what a history of ours told, and one
 * that is not this database's is led back anyway. `now` is what an app began with (`since: 'now'`), and no session goes on with.
 */
function isPushLog({ replicator, last_seq: lastSeq }: RawDoc): boolean {
  if (replicator !== 'pouchdb' || !lastSeq || lastSeq === 'now') return false
  return typeof lastSeq !== 'string' || !isSequence(lastSeq)
}
