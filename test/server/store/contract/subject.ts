import type { Database, Edit, Store, WriteOutcome } from '../../../../server/store/store.ts'

/** The store that a suite of the contract is run against. */
export type Subject = {
  readonly store: Store
  /** A new, empty database of this store. */
  newDatabase(): Promise<Database>
}

/** Makes a suite's subject of an open store. */
export function subjectOf(store: Store, nameOf = (n: number) => `database-${n}`): Subject {
  let made = 0
  return {
    store,
    newDatabase: async () => {
      const name = nameOf(made++)
      await store.createDatabase(name)
      return databaseOf(store, name)
    },
  }
}

/** A database that is there. */
export function databaseOf(store: Store, name: string): Database {
  const database = store.database(name)
  if (database === undefined) throw new Error(`no database ${name}`)
  return database
}

type Extra = Partial<Pick<Edit, 'deleted' | 'body' | 'attachments'>>

/** A client's own edit. */
export function interactive(id: string, parent?: string, extra: Extra = {}): Edit {
  return { kind: 'interactive', id, parent, deleted: false, body: '{}', ...extra }
}

/** A revision made elsewhere; `revs` newest first, the first of them whole. */
export function replicated(id: string, revs: readonly [string, ...string[]], extra: Extra = {}): Edit {
  const [rev, ...ancestors] = revs
  const dash = rev.indexOf('-')
  const revisions = { start: Number(rev.slice(0, dash)), ids: [rev.slice(dash + 1), ...ancestors] }
  return { kind: 'replicated', id, revisions, deleted: false, body: '{}', ...extra }
}

/** Writes one edit. */
export async function writeOne(database: Database, edit: Edit): Promise<WriteOutcome> {
  const [outcome] = await database.write([edit])
  if (outcome === undefined) throw new Error('an outcome for each edit')
  return outcome
}

/** Writes one edit that must be stored; its rev. */
export async function store(database: Database, edit: Edit): Promise<string> {
  const outcome = await writeOne(database, edit)
  if (!outcome.ok) throw new Error(`${outcome.error}: ${outcome.reason}`)
  return outcome.rev
}

/** The body of a revision, the winner's if none is named. */
export function bodyOf(database: Database, id: string, rev?: string): string | undefined {
  const doc = database.doc(id)
  return doc && database.revision(doc, rev ?? doc.tree.winner.rev)?.body
}
