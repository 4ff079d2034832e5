import { setImmediate } from 'node:timers/promises'
import { BoundedMap } from '../bounded-map.ts'
import type { Database } from '../store/store.ts'
import { rowSpaceOf, serverIdOf } from './identity.ts'

/** Ids of one page: each is hashed, and others have their turn between pages. */
const PAGE_IDS = 2_000
/** Types of users whose ids are remembered: some thirty megabytes, when all are as large as they may be. */
const REMEMBERED = 32
/** A type with more documents is read anew each time, which takes long but no memory. */
const MAX_REMEMBERED_IDS = 5_000

/** The way back from the row ids of one type of a database, up to a place in it. */
type Known = { readonly ids: Map<string, string>; readonly upTo: number; readonly sequence: string }

/**
 * Which document a `serverId` names. A row id is a hash, so the way back is worked out from all ids of the type, deleted ones too, and
 * remembered for a few; what came since is added at the next question.
 */
export class ServerIds {
  readonly #known = new BoundedMap<string, Known>(REMEMBERED)

  /** The row ids of a type and their documents. */
  async ofType(database: Database, type: string): Promise<ReadonlyMap<string, string>> {
    const key = `${database.name}/${type}`
    const known = await readOn(database, type, this.#stillGood(database, key))
    if (known.ids.size <= MAX_REMEMBERED_IDS) this.#known.set(key, known)
    else this.#known.delete(key)
    return known.ids
  }

  /** A database that was made anew, or went back in time, has other sequences. */
  #stillGood(database: Database, key: string): Known | undefined {
    const known = this.#known.get(key)
    if (known === undefined || known.upTo > database.facts().updateSeq) return undefined
    return database.sequence(known.upTo) === known.sequence ? known : undefined
  }
}

async function readOn(database: Database, type: string, known: Known | undefined): Promise<Known> {
  const { updateSeq } = database.facts()
  const ids = known?.ids ?? new Map<string, string>()
  const rowSpace = rowSpaceOf(database.name)
  const typed = database.ofType(type)
  for (let after = known?.upTo ?? 0; after < updateSeq; ) {
    const page = typed.changes({ after, upTo: updateSeq, limit: PAGE_IDS })
    for (const { id } of page) ids.set(serverIdOf(rowSpace, id), id)
    after = page.at(-1)?.n ?? updateSeq
    if (after < updateSeq) await setImmediate()
  }
  return { ids, upTo: updateSeq, sequence: database.sequence(updateSeq) }
}
