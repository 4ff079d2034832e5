import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import type { PouchTree } from 'pouchdb-merge'
import PouchDB from 'pouchdb-node'
import type {
  AttachmentEdit,
  Database,
  Edit,
  Revisions,
  RevTree,
  Store,
  WriteOutcome,
} from '../../../../server/store/store.ts'
import { databaseOf, writeOne } from '../contract/subject.ts'
import { type PouchHistory, readPouchTree } from './pouch-tree.ts'
import type {
  AttachmentPlan,
  EditPlan,
  InteractivePlan,
  Operation,
  ReplicatedPlan,
} from './random-operation.ts'

export type PouchDoc = { readonly [member: string]: unknown }
type Pouch = PouchDB.Database<PouchDoc>
type PouchInput = PouchDB.Core.PutDocument<PouchDoc>
type Refused = { readonly name: string }
type Put = { readonly rev: string } | Refused

/** Where PouchDB is known to be wrong. Such a step is left out, or its document is not looked at any more. */
export type Quirk =
  /**
   * On a deleted document, and on a new one if it is to forget all ancestors, it takes an edit of a rev that never was, where CouchDB and
   * we see a conflict.
   */
  | 'takes an unknown parent'
  /** It drops a body that comes for a rev it knows by name, and ancestors that come for a rev it has. */
  | 'learns nothing of a known rev'
  /** Stemming and compaction take the last live body of a deleted document, and its attachments with it; here it stays. */
  | 'drops the last live body'
  /**
   * Its merge has a rev in two places, or a branch apart from the one it hangs on: after stemming branches of different length, or when a
   * path joins two histories. From then on it grows leaves that nobody made.
   */
  | 'tears a history'

/** A list of edits on databases that forget as soon as this would forget its own first ones before they are compared. */
const SHORT_LIMIT = 20

/** A database here and one of PouchDB's on LevelDB that get the same operations. */
export class Twins {
  readonly database: Database
  readonly pouch: Pouch
  readonly limit: number
  readonly quirks = new Map<Quirk, number>()
  /** Documents whose history PouchDB has torn. */
  readonly torn = new Set<string>()
  /** `id rev name` of attachments to which PouchDB gave another revpos: that of the revision, whatever a replicator says. */
  readonly otherRevpos = new Set<string>()
  readonly #keptRevs = new Set<string>()
  readonly #keptDigests = new Set<string>()

  private constructor(database: Database, pouch: Pouch, limit: number) {
    this.database = database
    this.pouch = pouch
    this.limit = limit
  }

  static async open(store: Store, folder: string, limit: number): Promise<Twins> {
    const name = (await mkdtemp(join(folder, 'pouch-'))).slice(-6).toLowerCase()
    await store.createDatabase(name)
    const database = databaseOf(store, name)
    await database.setRevsLimit(limit)
    const pouch: Pouch = new PouchDB(join(folder, name), { revs_limit: limit, adapter: 'leveldb' })
    // Its inner methods do not wait until it is open.
    await pouch.info()
    return new Twins(database, pouch, limit)
  }

  async close(): Promise<void> {
    await this.pouch.destroy()
  }

  async apply(operation: Operation): Promise<void> {
    if (operation.kind === 'interactive') await this.#interactive(operation.first, operation.edits)
    if (operation.kind === 'replicated') await this.#replicated(operation.edits)
    if (operation.kind === 'local') await this.#local(operation)
    if (operation.kind === 'compact') await this.#compact()
  }

  /** PouchDB's history of a document. */
  async history(id: string): Promise<PouchHistory | undefined> {
    const { _getRevisionTree } = this.pouch as unknown as {
      _getRevisionTree(id: string, done: (error: unknown, tree: PouchTree) => void): void
    }
    return new Promise(resolve => {
      _getRevisionTree(id, (error, tree) => resolve(error ? undefined : readPouchTree(tree)))
    })
  }

  /** True if PouchDB has torn a document's history; it is left alone from then on. */
  async tears(id: string): Promise<boolean> {
    if (this.torn.has(id)) return true
    const history = await this.history(id)
    const tree = this.database.doc(id)?.tree
    if (history === undefined || tree === undefined || !isTorn(history, tree)) return false
    this.#count('tears a history')
    this.torn.add(id)
    return true
  }

  #count(quirk: Quirk): void {
    this.quirks.set(quirk, (this.quirks.get(quirk) ?? 0) + 1)
  }

  async #interactive(first: 'ours' | 'theirs', edits: readonly InteractivePlan[]): Promise<void> {
    const isList = first === 'ours' && this.limit >= SHORT_LIMIT
    if (isList)
      await this.#oursFirst(edits.filter(edit => !this.#isUnknownParent(edit) && !this.#usesLastLive(edit)))
    for (const edit of isList ? edits.filter(edit => this.#isUnknownParent(edit)) : edits) {
      if (this.#takesUnknownParent(edit) || this.#usesLastLive(edit)) continue
      if (first === 'ours') await this.#oursFirst([edit])
      else await this.#theirsFirst(edit)
    }
  }

  /** The sigs of what an edit goes on from, read before it is written: both sides may have forgotten them afterwards. */
  #above({ id, parent }: InteractivePlan): readonly string[] {
    const tree = this.database.doc(id)?.tree
    return tree?.revisions(parent ?? tree.winner.rev)?.ids ?? []
  }

  #usesLastLive({ attachments }: EditPlan): boolean {
    const stubs = attachments.flatMap(plan => (plan.kind === 'stub' ? [plan.of.digest] : []))
    if (stubs.length === 0) return false
    this.#noteLastLive()
    const isQuirk = stubs.some(digest => this.#keptDigests.has(digest))
    if (isQuirk) this.#count('drops the last live body')
    return isQuirk
  }

  /** True if the body of this rev is or was a last live one, which we may have where PouchDB has dropped it. */
  wasLastLive(id: string, rev: string): boolean {
    this.#noteLastLive()
    return this.#keptRevs.has(`${id} ${rev}`)
  }

  /** They stay while their document is deleted, and in its history until the next compaction. */
  #noteLastLive(): void {
    for (const { id, lastLive } of this.database.changes({ after: 0, limit: 1000, withLastLive: true })) {
      if (lastLive === undefined) continue
      this.#keptRevs.add(`${id} ${lastLive.rev}`)
      for (const { digest } of lastLive.attachments ?? []) this.#keptDigests.add(digest)
    }
  }

  #isUnknownParent({ id, parent }: InteractivePlan): boolean {
    return parent !== undefined && this.database.doc(id)?.tree.has(parent) !== true
  }

  #takesUnknownParent(edit: InteractivePlan): boolean {
    const tree = this.database.doc(edit.id)?.tree
    if (!this.#isUnknownParent(edit)) return false
    const isQuirk = tree === undefined ? this.limit === 1 : tree.winner.deleted
    if (isQuirk) this.#count('takes an unknown parent')
    return isQuirk
  }

  /** PouchDB makes other revs: what was made here goes there as a revision with its ancestors; what was refused is refused there. */
  async #oursFirst(edits: readonly InteractivePlan[]): Promise<void> {
    const before = edits.map(edit => this.#storedAttachments(edit.id, edit.parent))
    const above = edits.map(edit => this.#above(edit))
    const outcomes = await this.database.write(edits.map(edit => ourEdit(edit)))
    for (const [n, edit] of edits.entries()) {
      const outcome = outcomes[n]
      assert(outcome !== undefined)
      if (!outcome.ok) await this.#theirsRefuse(edit, outcome)
      else {
        this.#checkRevpos(edit, outcome.rev, before[n])
        const known = this.database.doc(edit.id)?.tree.revisions(outcome.rev)
        const path = this.limit < SHORT_LIMIT ? pathTo(outcome.rev, above[n] ?? []) : known
        await this.#replicateThere(edit, outcome.rev, path)
      }
    }
  }

  async #theirsRefuse(edit: InteractivePlan, outcome: WriteOutcome & { readonly ok: false }): Promise<void> {
    const refused = await this.#put(edit)
    // PouchDB looks at stubs before it looks at the parent; and a list's later edit may have made room for this one.
    assert('name' in refused, `PouchDB takes what we refuse with ${outcome.error}`)
    if (refused.name !== 'missing_stub' || !hasStub(edit)) assert.equal(refused.name, outcome.error)
  }

  async #theirsFirst(edit: InteractivePlan): Promise<void> {
    const put = await this.#put(edit)
    if ('name' in put) {
      const outcome = await writeOne(this.database, ourEdit(edit))
      assert(!outcome.ok, `we take what PouchDB refuses with ${put.name}`)
      if (put.name !== 'missing_stub' || !hasStub(edit)) assert.equal(outcome.error, put.name)
      return
    }
    const revisions = pathTo(put.rev, this.#above(edit))
    const outcome = await writeOne(this.database, {
      ...ourEdit(edit),
      kind: 'replicated',
      revisions,
      attachments: edit.attachments.map(plan => ourAttachment(plan, false)),
    } as Edit)
    assert(outcome.ok, 'what PouchDB made is taken here')
  }

  async #put(edit: InteractivePlan): Promise<Put> {
    const doc = {
      ...pouchDoc(edit, pouchAttachments(edit)),
      ...(edit.parent === undefined ? {} : { _rev: edit.parent }),
    }
    return this.pouch.put(doc as PouchInput).catch((error: Refused) => error)
  }

  async #replicated(edits: readonly ReplicatedPlan[]): Promise<void> {
    if (this.limit >= SHORT_LIMIT) await this.#replicatedList(edits)
    else for (const edit of edits) await this.#replicatedList([edit])
  }

  async #replicatedList(edits: readonly ReplicatedPlan[]): Promise<void> {
    const usual: ReplicatedPlan[] = []
    for (const edit of edits) {
      const { id, pos, path } = edit
      const tree = this.database.doc(id)?.tree
      const rev = `${pos}-${path[0]}`
      if (tree?.has(rev) && !isWhole(tree.revisions(rev), edit, tree.revsInfo(rev)[0]?.status)) {
        this.#count('learns nothing of a known rev')
      } else if (!this.#usesLastLive(edit)) usual.push(edit)
    }
    const known = usual.map(
      ({ id, pos, path }) => this.database.doc(id)?.tree.has(`${pos}-${path[0]}`) === true,
    )
    const outcomes = await this.database.write(usual.map(ourReplicated))
    for (const [n, edit] of usual.entries()) {
      const outcome = outcomes[n]
      assert(outcome !== undefined)
      const rev = `${edit.pos}-${edit.path[0]}`
      if (outcome.ok) {
        if (known[n] !== true) this.#checkRevpos(edit, rev, undefined)
        await this.#replicateThere(edit, rev, { start: edit.pos, ids: edit.path })
      } else {
        assert.equal(outcome.error, 'missing_stub', 'the only reason to refuse a replicated edit')
        assert(hasStub(edit))
        const there = await this.#bulk(edit, rev, { start: edit.pos, ids: edit.path }, pouchAttachments(edit))
        assert.equal(there, 'missing_stub')
      }
    }
  }

  /** Sends a revision that was stored here; stubs with all that we found out about them. */
  async #replicateThere(edit: EditPlan, rev: string, path: Revisions | undefined): Promise<void> {
    const stored = new Map(
      this.#storedAttachments(edit.id, rev).map(attachment => [attachment.name, attachment]),
    )
    const attachments = edit.attachments.map(plan => {
      const ours = stored.get(plan.name)
      return plan.kind === 'stub' && ours !== undefined ? { ...plan, of: ours } : plan
    })
    const sent = pouchAttachments({ attachments: attachments.filter(({ kind }) => kind !== 'missing') })
    const failed = await this.#bulk(edit, rev, path, sent)
    assert.equal(failed, undefined, 'PouchDB takes what we took')
  }

  async #bulk(
    edit: EditPlan,
    rev: string,
    revisions: Revisions | undefined,
    attachments: object,
  ): Promise<string | undefined> {
    const doc = { ...pouchDoc(edit, attachments), _rev: rev, _revisions: revisions }
    try {
      await this.pouch.bulkDocs([doc as unknown as PouchInput], { new_edits: false })
      return undefined
    } catch (error) {
      return (error as Refused).name
    }
  }

  /** An attachment's revpos is that of the revision that brought it; a stub keeps the one it has. */
  #checkRevpos(
    edit: EditPlan,
    rev: string,
    parents:
      | readonly { readonly name: string; readonly digest: string; readonly revpos: number }[]
      | undefined,
  ): void {
    const pos = Number.parseInt(rev, 10)
    const stored = this.#storedAttachments(edit.id, rev)
    assert.deepEqual(
      stored.map(({ name }) => name),
      edit.attachments.map(({ name }) => name),
    )
    for (const [n, plan] of edit.attachments.entries()) {
      if (plan.kind === 'missing') continue
      const parent = parents?.find(
        ({ name, digest }) => plan.kind === 'stub' && name === plan.name && digest === plan.of.digest,
      )
      const expected = plan.kind === 'bytes' ? (plan.revpos ?? pos) : (parent?.revpos ?? plan.of.revpos)
      assert.equal(stored[n]?.revpos, expected, `revpos of ${edit.id} ${rev} ${plan.name}`)
      if (plan.kind === 'bytes' && expected !== pos) this.otherRevpos.add(`${edit.id} ${rev} ${plan.name}`)
    }
  }

  #storedAttachments(id: string, rev: string | undefined) {
    const doc = this.database.doc(id)
    if (doc === undefined || rev === undefined) return []
    return this.database.revision(doc, rev)?.attachments ?? []
  }

  async #compact(): Promise<void> {
    this.#noteLastLive()
    await Promise.all([this.database.compact(), this.pouch.compact()])
  }

  async #local({ id, rev, body }: Operation & { readonly kind: 'local' }): Promise<void> {
    const doc = {
      ...body,
      _id: `_local/${id}`,
      ...(rev === undefined ? {} : { _rev: rev }),
      ...(body === null ? { _deleted: true } : {}),
    }
    const ours = await this.database
      .writeLocalDoc(id, rev, body && JSON.stringify(body))
      .catch((error: { readonly word: string }) => ({ rev: error.word }))
    const theirs = await this.pouch.put(doc as PouchInput).catch(({ name }: Refused) => ({ rev: name }))
    assert.equal(ours.rev, theirs.rev, `_local/${id} at ${rev}`)
  }
}

function pathTo(rev: string, above: readonly string[]): Revisions {
  const dash = rev.indexOf('-')
  return { start: Number(rev.slice(0, dash)), ids: [rev.slice(dash + 1), ...above] }
}

/** PouchDB has a rev twice, or has the first rev of a branch without the parent that it has in another. */
function isTorn({ paths, hasDoubles }: PouchHistory, tree: RevTree): boolean {
  if (hasDoubles) return true
  const known = new Set([...paths.values()].flat().map(({ rev }) => rev))
  return [...paths].some(([leaf, path]) => known.has(tree.revsInfo(leaf)[path.length]?.rev ?? ''))
}

/** What is known of a rev includes all that a path says of it. */
function isWhole(
  known: Revisions | undefined,
  { path }: ReplicatedPlan,
  status: string | undefined,
): boolean {
  return status !== 'missing' && known !== undefined && known.ids.length >= path.length
}

/** What a stub stood for when it was planned may be gone. */
function hasStub(edit: EditPlan): boolean {
  return edit.attachments.some(({ kind }) => kind !== 'bytes')
}

function ourEdit(edit: InteractivePlan): Edit {
  const { id, parent, deleted, body } = edit
  const attachments = edit.attachments.map(plan => ourAttachment(plan, true))
  return { kind: 'interactive', id, parent, deleted, body: JSON.stringify(body), attachments }
}

function ourReplicated(edit: ReplicatedPlan): Edit {
  const { id, pos, path, deleted, body } = edit
  const attachments = edit.attachments.map(plan => ourAttachment(plan, false))
  return {
    kind: 'replicated',
    id,
    revisions: { start: pos, ids: path },
    deleted,
    body: JSON.stringify(body),
    attachments,
  }
}

function ourAttachment(plan: AttachmentPlan, mayName: boolean): AttachmentEdit {
  const contentType = 'text/plain'
  if (plan.kind === 'bytes') return { name: plan.name, contentType, data: plan.data, revpos: plan.revpos }
  if (plan.kind === 'missing') return { name: plan.name, contentType, digest: 'md5-nobodyHasThis' }
  if (plan.byName && mayName) return { name: plan.name, contentType }
  return { name: plan.name, contentType, digest: plan.of.digest, revpos: plan.of.revpos }
}

function pouchDoc({ id, deleted, body }: EditPlan, attachments: object): object {
  const doc = { ...body, _id: id, ...(deleted ? { _deleted: true } : {}) }
  return Object.keys(attachments).length === 0 ? doc : { ...doc, _attachments: attachments }
}

function pouchAttachments({ attachments }: Pick<EditPlan, 'attachments'>): object {
  return Object.fromEntries(attachments.map(plan => [plan.name, pouchAttachment(plan)]))
}

function pouchAttachment(plan: AttachmentPlan): object {
  const type = { content_type: 'text/plain' }
  if (plan.kind === 'bytes') return { ...type, data: plan.data.toString('base64') }
  if (plan.kind === 'missing')
    return { ...type, stub: true, digest: 'md5-nobodyHasThis', length: 1, revpos: 1 }
  const { digest, length, revpos } = plan.of
  return { ...type, stub: true, digest, length, revpos }
}
