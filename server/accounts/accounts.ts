import { ACCOUNTS_DB } from '../../design-docs/database-kind.ts'
import { accountDocId } from '../../design-docs/doc-id.ts'
import { hasLoneSurrogate } from '../../design-docs/lone-surrogate.ts'
import { userUuid } from '../../design-docs/user-db.ts'
import type { Database, Revision, Store, StoredDoc } from '../store/store.ts'
import { type Account, readAccount } from './account.ts'
import { createAccountIndex } from './account-index.ts'
import { MAX_EMAIL_LENGTH } from './email.ts'

/** The accounts: documents of `_users`. The server reads and writes them as admins do, and keeps none in memory. */
export type Accounts = {
  /** The account of an email, in whatever case it is written. */
  ofEmail(email: string): Account | undefined
  /** The account of the user whom a token names. Of several that name him the one that was changed last, as in the mirror. */
  ofUser(sub: string): Promise<Account | undefined>
  /**
   * Stores a new account. Undefined if the email has one: the document's id is made of the email, and the store takes a new document of
   * an id once, however many come at the same time.
   */
  create(email: string, members: object): Promise<Account | undefined>
  /** Notes that its user has logged in; not each time, for each is a change that the mirror copies. */
  noteLogin(account: Account, now: number): Promise<void>
}

/** How old what an account says of its last login may be. */
const LOGIN_NOTED_MS = 5 * 60_000

/** The accounts of a store. */
export function createAccounts(store: Store): Accounts {
  const index = createAccountIndex(() => usersDatabase(store))
  return {
    ofEmail(email) {
      if (email.length > MAX_EMAIL_LENGTH || email.includes('\0') || hasLoneSurrogate(email)) return undefined
      const doc = store.database(ACCOUNTS_DB)?.doc(accountDocId(email), { withWinner: true })
      return liveAccount(doc)
    },
    async ofUser(sub) {
      const userId = userUuid(sub)
      const ids = await index.docIdsOf(userId)
      if (ids.length === 0) return undefined
      const docs = (await usersDatabase(store)).docsNamed(ids)
      const his = docs.filter(doc => liveAccount(doc)?.userId === userId)
      return liveAccount(his.reduce((a, b) => ((b?.seq ?? 0) > (a?.seq ?? 0) ? b : a), undefined))
    },
    async create(email, members) {
      const id = accountDocId(email)
      const body = JSON.stringify(members)
      const database = await usersDatabase(store)
      const [outcome] = await database.write([{ kind: 'interactive', id, deleted: false, body }])
      return outcome?.ok ? readAccount(id, body) : undefined
    },
    async noteLogin({ docId, lastLoginAt = Number.NEGATIVE_INFINITY }, now) {
      // One that lies ahead is of a clock that was wrong.
      if (lastLoginAt <= now && now - lastLoginAt < LOGIN_NOTED_MS) return
      const database = await usersDatabase(store)
      const winner = database.doc(docId, { withWinner: true })?.winner
      if (winner === undefined || winner.deleted) return
      // A conflict is another login's, or an admin's who is at work; the next login notes itself.
      await database.write([withMember(docId, winner, { lastLoginAt: now })])
    },
  }
}

/** Made when the server starts; made again should it be gone. */
async function usersDatabase(store: Store): Promise<Database> {
  const there = store.database(ACCOUNTS_DB)
  if (there !== undefined) return there
  await store.createDatabase(ACCOUNTS_DB)
  const made = store.database(ACCOUNTS_DB)
  if (made === undefined) throw new Error(`${ACCOUNTS_DB} was made and is not there`)
  return made
}

function liveAccount(doc: StoredDoc | undefined): Account | undefined {
  if (doc?.winner === undefined || doc.winner.deleted) return undefined
  return readAccount(doc.id, doc.winner.body)
}

/** The next version of a document, which keeps all it has but these members. */
function withMember(id: string, { rev, body, attachments }: Revision, members: object) {
  return {
    kind: 'interactive',
    id,
    parent: rev,
    deleted: false,
    body: JSON.stringify({ ...JSON.parse(body), ...members }),
    attachments: attachments?.map(({ name, contentType, digest, revpos }) => ({
      name,
      contentType,
      digest,
      revpos,
    })),
  } as const
}
