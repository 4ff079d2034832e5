import assert from 'node:assert/strict'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { StoredTree } from '../../../../server/store/rev-tree/stored-tree.ts'
import { formatSequence } from '../../../../server/store/sequences.ts'
import type { Connection } from '../../../../server/store/sqlite/connection.ts'
import { readAttachment } from '../../../../server/store/sqlite/reader/attachment-bytes.ts'
import { readChanges } from '../../../../server/store/sqlite/reader/changes.ts'
import { readFacts } from '../../../../server/store/sqlite/reader/counts.ts'
import { readDoc, readRevision } from '../../../../server/store/sqlite/reader/docs.ts'
import { readIncarnations } from '../../../../server/store/sqlite/reader/incarnations.ts'
import { readLocalDoc } from '../../../../server/store/sqlite/reader/local-docs.ts'
import type { Entry, Intent } from '../../../fixtures/journal.ts'

/** A leaf that must be there. `rev` is unknown of a write that nobody heard the end of. */
type Leaf = {
  readonly rev: string | undefined
  readonly deleted: boolean
  readonly body: string
  readonly attachment: number | undefined
}

type DatabaseModel = { readonly docs: Map<string, readonly Leaf[]>; readonly locals: Map<string, string> }

/** What each document's state may be: as it was acknowledged, or with what was under way as well. */
type Either = { readonly before: readonly Leaf[]; readonly after: readonly Leaf[] }

/** What a store must hold after a kill, told by the journal of who wrote to it. */
export class WrittenModel {
  readonly #databases = new Map<string, DatabaseModel>()
  /** Intents that nobody heard the end of, by writer. */
  readonly #pending = new Map<string, Intent>()
  /** Of each database and number, the sequence and the document that it was seen with. */
  readonly #sequences = new Map<string, string>()
  readonly #rows = new Map<string, string>()
  acknowledged = 0

  read(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if ('intent' in entry) this.#pending.set(entry.writer, entry.intent)
      else this.#acknowledge(entry)
    }
  }

  #acknowledge({ writer, revs, sequence }: Extract<Entry, { readonly done: true }>): void {
    const intent = this.#pending.get(writer)
    assert(intent !== undefined)
    this.#pending.delete(writer)
    this.acknowledged++
    this.#apply(intent, revs)
    if (sequence !== undefined && !isOwn(intent.database)) this.#noteSequence(intent.database, sequence)
  }

  #apply(intent: Intent, revs: readonly (string | undefined)[]): void {
    if (intent.kind === 'delete') this.#databases.delete(intent.database)
    if (intent.kind === 'delete') return
    const { docs, locals } = this.#database(intent.database)
    if (intent.kind === 'write') {
      for (const [n, edit] of intent.edits.entries())
        docs.set(edit.id, grown(docs.get(edit.id), { ...edit, rev: revs[n] }))
    }
    if (intent.kind === 'purge') {
      const rest = (docs.get(intent.id) ?? []).filter(({ rev }) => rev !== intent.rev)
      docs.set(intent.id, rest)
    }
    if (intent.kind === 'local' && intent.body !== null) locals.set(intent.id, intent.body)
    if (intent.kind === 'local' && intent.body === null) locals.delete(intent.id)
  }

  #database(name: string): DatabaseModel {
    const known = this.#databases.get(name) ?? { docs: new Map(), locals: new Map() }
    this.#databases.set(name, known)
    return known
  }

  #noteSequence(database: string, sequence: string): void {
    const key = `${database} ${Number.parseInt(sequence, 10)}`
    assert.equal(
      this.#sequences.get(key) ?? sequence,
      sequence,
      `a number of ${database} that was issued twice`,
    )
    this.#sequences.set(key, sequence)
  }

  /** Compares the files with what must be in them, and takes over what was under way and is there. */
  check(connectionOf: (database: string) => Connection): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const intent of pending)
      if (intent.kind === 'create' || intent.kind === 'delete')
        this.#settle(connectionOf(intent.database), intent)
    for (const [name, { docs, locals }] of this.#databases) {
      const connection = connectionOf(name)
      const db = dbOf(connection, name)
      assert(db !== undefined, `${name} is there`)
      const mine = pending.filter(({ database }) => database === name)
      for (const [id, either] of eithers(docs, mine)) docs.set(id, checkDoc(connection, db, id, either))
      this.#checkLocals(connection, db, locals, mine)
      if (!isOwn(name)) this.#checkFeed(connection, db, name)
    }
  }

  /** A database that was being made or deleted is there, or it is not. */
  #settle(connection: Connection, { database }: Intent): void {
    if (dbOf(connection, database) === undefined) this.#databases.delete(database)
    else this.#database(database)
  }

  #checkLocals(
    connection: Connection,
    db: number,
    locals: Map<string, string>,
    pending: readonly Intent[],
  ): void {
    for (const intent of pending) {
      if (intent.kind !== 'local') continue
      const body = readLocalDoc(connection, db, intent.id)?.body
      if (body === (intent.body ?? undefined)) this.#apply(intent, [])
    }
    const rows = connection.rows<[string, string]>(
      'select id, body from local_docs where db = ? order by id',
      db,
    )
    assert.deepEqual(
      rows,
      [...locals].sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  }

  #checkFeed(connection: Connection, db: number, name: string): void {
    const { updateSeq } = readFacts(connection, db)
    const { epochs } = readIncarnations(connection, db)
    for (const [key, sequence] of this.#sequences) {
      if (!key.startsWith(`${name} `)) continue
      const n = Number.parseInt(sequence, 10)
      assert(n <= updateSeq, `${sequence} of ${name} was issued, and the file ends at ${updateSeq}`)
      assert.equal(formatSequence(n, epochs), sequence, 'a sequence keeps its name')
    }
    for (const { n, id } of readChanges(connection, db, { after: 0, limit: Number.POSITIVE_INFINITY })) {
      const key = `${name} ${n}`
      assert.equal(this.#rows.get(key) ?? id, id, `number ${n} of ${name} was issued twice`)
      this.#rows.set(key, id)
    }
    this.#noteSequence(name, formatSequence(updateSeq, epochs))
  }
}

/** A writer's own, that comes and goes. */
function isOwn(name: string): boolean {
  return name.startsWith(userDbName('own-'))
}

function dbOf(connection: Connection, name: string): number | undefined {
  return connection.row<[number]>('select db from databases where name = ? and deleted = 0', name)?.[0]
}

function grown(
  leaves: readonly Leaf[] = [],
  { parent, ...leaf }: Leaf & { readonly parent: string | undefined },
) {
  return [...leaves.filter(({ rev }) => rev !== parent), leaf]
}

function eithers(
  docs: ReadonlyMap<string, readonly Leaf[]>,
  pending: readonly Intent[],
): Map<string, Either> {
  const all = new Map<string, Either>()
  for (const [id, leaves] of docs) all.set(id, { before: leaves, after: leaves })
  for (const intent of pending) {
    const edits = intent.kind === 'write' ? intent.edits : []
    for (const edit of edits) {
      const before = docs.get(edit.id) ?? []
      all.set(edit.id, { before, after: grown(before, { ...edit, rev: undefined }) })
    }
    if (intent.kind === 'purge') {
      const before = docs.get(intent.id) ?? []
      all.set(intent.id, { before, after: before.filter(({ rev }) => rev !== intent.rev) })
    }
  }
  return all
}

/** The leaves that are there, after they were found to be what they may be. */
function checkDoc(
  connection: Connection,
  db: number,
  id: string,
  { before, after }: Either,
): readonly Leaf[] {
  const doc = readDoc(connection, db, id)
  const { tree } = doc ?? {}
  const leaves = tree?.leaves().map(({ rev, deleted }): Leaf => {
    assert(tree instanceof StoredTree)
    const revision = readRevision(connection, db, tree.seqOf(rev) ?? -1)
    assert(revision !== undefined, `the body of ${id} ${rev}`)
    const [attachment] = revision.attachments ?? []
    if (attachment !== undefined) checkBytes(connection, db, attachment.digest, revision.body)
    return { rev, deleted, body: revision.body, attachment: attachment?.length }
  })
  const found = leaves ?? []
  const said = `${id}: ${JSON.stringify({ found, before, after })}`
  assert(isSame(found, before) || isSame(found, after), said)
  return found
}

function isSame(found: readonly Leaf[], expected: readonly Leaf[]): boolean {
  const matches = (leaf: Leaf, { rev, deleted, body, attachment }: Leaf) =>
    (rev ?? leaf.rev) === leaf.rev &&
    leaf.deleted === deleted &&
    leaf.body === body &&
    leaf.attachment === attachment
  return found.length === expected.length && expected.every(one => found.some(leaf => matches(leaf, one)))
}

function checkBytes(connection: Connection, db: number, digest: string, body: string): void {
  const bytes = readAttachment(connection, db, digest)
  assert(bytes !== undefined, `the attachment ${digest}`)
  const data = Buffer.concat([...bytes.read()])
  assert(data.equals(Buffer.alloc(bytes.length, body)), `the bytes of ${digest}`)
}
