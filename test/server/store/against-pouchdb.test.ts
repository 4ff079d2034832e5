import assert from 'node:assert/strict'
import PouchDB from 'pouchdb-node'
import t, { type Test } from 'tap'
import { openStore } from '../../../server/store/sqlite/open-store.ts'
import type { Database, Edit, StoredDoc } from '../../../server/store/store.ts'
import { type SeededRandom, seededRandom } from '../../fixtures/seeded-random.ts'
import { databaseOf, writeOne } from './contract/subject.ts'
import { randomEdit } from './random-edits.ts'

const EDITS = 400

type Doc = { readonly _deleted?: boolean | undefined }
type Pouch = PouchDB.Database<Doc>
/** What PouchDB answers to `open_revs: 'all'`. */
type OpenRev = {
  readonly ok: { readonly _rev: string; readonly _deleted?: boolean; readonly _revisions: object }
}

t.test('random edits lead to the same histories here and in PouchDB on LevelDB', async t => {
  const random = seededRandom(t)
  const folder = t.testdir()
  const store = await openStore({ file: `${folder}/store.db`, log: line => t.fail(line) })
  const pouch: Pouch = new PouchDB(`${folder}/pouch`)
  t.teardown(() => Promise.all([store.close(), pouch.close()]))
  await store.createDatabase('a')
  const database = databaseOf(store, 'a')
  for (let n = 0; n < EDITS; n++) await applyToBoth(t, random, { database, pouch })
  await compareAll(t, database, pouch)
})

type Both = { readonly database: Database; readonly pouch: Pouch }

/**
 * PouchDB makes other revs than we do. So what an interactive edit made here goes there as a revision with its
 * ancestors, and what was refused here must be refused there.
 */
async function applyToBoth(t: Test, random: SeededRandom, { database, pouch }: Both): Promise<void> {
  const edit: Edit = { ...randomEdit(random, database), attachments: undefined }
  if (isPouchQuirk(database, edit)) return
  const outcome = await writeOne(database, edit)
  if (outcome.ok) return putRevision(database, pouch, edit, outcome.rev)
  assert(edit.kind === 'interactive', 'a replicated edit is never refused')
  const refused = await pouch.put(pouchDoc(edit, edit.parent)).catch((error: { name: string }) => error)
  t.match(refused, { name: outcome.error }, `${edit.id} on ${edit.parent}`)
}

/** On a deleted document PouchDB takes an edit of a rev that never was, where CouchDB and we see a conflict. */
function isPouchQuirk(database: Database, edit: Edit): boolean {
  const tree = database.doc(edit.id)?.tree
  if (edit.kind !== 'interactive' || edit.parent === undefined || tree === undefined) return false
  return tree.winner.deleted && !tree.has(edit.parent)
}

async function putRevision(database: Database, pouch: Pouch, edit: Edit, rev: string): Promise<void> {
  const revisions = edit.kind === 'replicated' ? edit.revisions : database.doc(edit.id)?.tree.revisions(rev)
  const doc = { ...pouchDoc(edit, rev), _revisions: revisions }
  await pouch.bulkDocs([doc as PouchDB.Core.PutDocument<Doc>], { new_edits: false })
}

function pouchDoc(edit: Edit, rev: string | undefined): PouchDB.Core.PutDocument<Doc> {
  const doc = { ...JSON.parse(edit.body), _id: edit.id, ...(edit.deleted ? { _deleted: true } : {}) }
  return rev === undefined ? doc : { ...doc, _rev: rev }
}

async function compareAll(t: Test, database: Database, pouch: Pouch): Promise<void> {
  const changes = await pouch.changes({ style: 'all_docs', since: 0 })
  const theirs = changes.results.map(({ id, deleted, changes }) => ({
    id,
    deleted: deleted === true,
    leaves: changes.map(({ rev }) => rev).sort(),
  }))
  const ours = database.changes({ after: 0, limit: 1000 }).map(({ id, rev, deleted, leaves }) => ({
    id,
    deleted,
    leaves: (leaves ?? [{ rev }]).map(leaf => leaf.rev).sort(),
  }))
  t.same(ours, theirs, 'the same documents, in the order of their last change, with the same leaves')
  t.equal(database.facts().docCount, (await pouch.info()).doc_count)
  for (const { id } of ours) {
    const doc = database.doc(id)
    if (doc !== undefined) await compareDoc(t, database, pouch, doc)
  }
}

async function compareDoc(t: Test, database: Database, pouch: Pouch, doc: StoredDoc): Promise<void> {
  const { id, tree } = doc
  const revs = (await pouch.get(id, { open_revs: 'all', revs: true })) as unknown as OpenRev[]
  for (const { ok } of revs) {
    const revision = database.revision(doc, ok._rev)
    t.equal(revision?.deleted, ok._deleted === true, ok._rev)
    t.same(JSON.parse(revision?.body ?? 'null'), withoutUnderscores(ok), 'the same body')
  }
  if (tree.winner.deleted) return
  const winner = await pouch.get(id, { conflicts: true })
  t.equal(tree.winner.rev, winner._rev, 'the same winner')
  const conflicts = tree.leaves().filter(leaf => !leaf.deleted && leaf.rev !== tree.winner.rev)
  t.same(conflicts.map(({ rev }) => rev).sort(), [...(winner._conflicts ?? [])].sort(), 'the same conflicts')
}

function withoutUnderscores(doc: object): unknown {
  return Object.fromEntries(Object.entries(doc).filter(([name]) => !name.startsWith('_')))
}
