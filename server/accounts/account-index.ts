import { isJsonObject, memberOf } from '../../design-docs/json-object.ts'
import type { ChangeRow, Database } from '../store/store.ts'
import { readAccount } from './account.ts'

/** Finds accounts by their user: their documents' ids are made of emails. */
export type AccountIndex = {
  /** The accounts that name this user, or once did: who asks looks at them. */
  docIdsOf(userId: string): Promise<readonly string[]>
}

const PAGE = 500
const PLACE = 'account-index'
const entryOf = (userId: string) => `account-of:${userId}`

/**
 * A view, kept as local docs of `_users`: one for each user, and one that says how far the changes were read. It is brought up to date
 * before each answer, so accounts that admins write, replicate or import are found like those that were made by signing up. An entry is
 * only ever added to, and what it names is looked at by whoever asks; so it does not matter in which order changes come, and the index
 * of a restored store is right as it is.
 */
export function createAccountIndex(users: () => Promise<Database>): AccountIndex {
  let readUpTo: number | undefined
  let underWay: Promise<void> | undefined

  async function catchUp(database: Database): Promise<void> {
    const end = database.facts().updateSeq
    let at = readUpTo ?? storedPlace(database)
    for (;;) {
      const rows = database.changes({ after: at, limit: PAGE, withBodies: true })
      const last = rows.at(-1)
      if (last === undefined) break
      const hasWritten = await addAll(database, rows)
      at = last.n
      // Not for every login that an account notes: those are read once more after a restart.
      if (hasWritten || rows.length > 1) await writePlace(database, at)
      readUpTo = at
    }
    readUpTo = Math.max(at, end)
  }

  async function upToDate(database: Database): Promise<void> {
    while (readUpTo === undefined || readUpTo < database.facts().updateSeq) {
      underWay ??= catchUp(database).finally(() => {
        underWay = undefined
      })
      await underWay
    }
  }

  return {
    async docIdsOf(userId) {
      const database = await users()
      await upToDate(database)
      return idsIn(database.localDoc(entryOf(userId))?.body)
    },
  }
}

/** True if any of these accounts was new to its user. */
async function addAll(database: Database, rows: readonly ChangeRow[]): Promise<boolean> {
  const byUser = new Map<string, string[]>()
  for (const { id, revision, deleted } of rows) {
    const account = deleted || revision === undefined ? undefined : readAccount(id, revision.body)
    if (account === undefined) continue
    byUser.set(account.userId, [...(byUser.get(account.userId) ?? []), id])
  }
  const added = await Promise.all([...byUser].map(([userId, ids]) => add(database, userId, ids)))
  return added.includes(true)
}

async function add(database: Database, userId: string, ids: readonly string[]): Promise<boolean> {
  const entry = database.localDoc(entryOf(userId))
  const known = idsIn(entry?.body)
  const all = [...new Set([...known, ...ids])]
  if (all.length === known.length) return false
  await database.writeLocalDoc(entryOf(userId), entry?.rev, JSON.stringify({ ids: all }))
  return true
}

function idsIn(body: string | undefined): readonly string[] {
  const ids = body === undefined ? undefined : member(body, 'ids')
  return Array.isArray(ids) ? ids.filter(id => typeof id === 'string') : []
}

/** From the start, if it was never stored or was stored in another history. */
function storedPlace(database: Database): number {
  const body = database.localDoc(PLACE)?.body
  const sequence = body === undefined ? undefined : member(body, 'sequence')
  return typeof sequence === 'string' ? database.place(sequence).n : 0
}

async function writePlace(database: Database, n: number): Promise<void> {
  const body = JSON.stringify({ sequence: database.sequence(n) })
  await database.writeLocalDoc(PLACE, database.localDoc(PLACE)?.rev, body)
}

function member(body: string, name: string): unknown {
  const value: unknown = JSON.parse(body)
  return isJsonObject(value) ? memberOf(value, name) : undefined
}
