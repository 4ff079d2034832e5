import { userDbName } from '../../design-docs/user-db.ts'
import { type Account, isPremiumAt } from '../accounts/account.ts'
import type { Caller } from '../auth/caller.ts'
import { CouchError } from '../couch-error.ts'
import type { Database, Store } from '../store/store.ts'
import type { ServerIds } from './server-ids.ts'

/** What the routes for clients that cannot replicate are built with. */
export type SyncContext = {
  readonly store: Store
  readonly serverIds: ServerIds
  /** The account of a user, by the `sub` of his tokens. */
  readonly accountOf: (sub: string) => Promise<Account | undefined>
  /** Whether users without premium are refused. */
  readonly requirePremium: boolean
  readonly maxDocumentBytes: number
}

/** The user who asks: the access table lets in none but users. */
export function subOf(caller: Caller): string {
  if (caller.kind !== 'user') throw new Error('the access table lets in none but users')
  return caller.sub
}

/** The user's database, made at its first use. */
export function userDatabase({ store }: Pick<SyncContext, 'store'>, caller: Caller): Promise<Database> {
  return madeDatabase(store, userDbName(subOf(caller)))
}

/** A database of a user by its name, made at its first use. */
export async function madeDatabase(store: Store, name: string): Promise<Database> {
  const there = store.database(name)
  if (there !== undefined) return there
  await store.createDatabase(name)
  const made = store.database(name)
  if (made === undefined) throw new CouchError('not_found', 'The database of this user was deleted just now.')
  return made
}

/** The account of who asks. @throws CouchError `forbidden` where premium is required and he has none */
export async function admittedAccount(context: SyncContext, caller: Caller): Promise<Account | undefined> {
  const account = await context.accountOf(subOf(caller))
  if (context.requirePremium && !isPremiumAt(account, Date.now()))
    throw new CouchError('forbidden', 'Premium is required to synchronise.')
  return account
}
