import assert from 'node:assert/strict'
import type { Attachment, StoredDoc } from '../../../../server/store/store.ts'
import type { PouchDoc, Twins } from './twins.ts'

/** What PouchDB answers to `open_revs: 'all'`, with attachments. */
type OpenRev = {
  readonly ok: {
    readonly _rev: string
    readonly _deleted?: boolean
    readonly _revisions: { readonly start: number; readonly ids: readonly string[] }
    readonly _attachments?: { readonly [name: string]: PouchAttachment }
  }
}
type PouchAttachment = {
  readonly content_type: string
  readonly digest: string
  readonly revpos: number
  readonly data: string
}

/** Compares a document's history with PouchDB's, unless PouchDB has torn it. */
export async function compareHistory(twins: Twins, id: string): Promise<void> {
  if (await twins.tears(id)) return
  const { database, limit } = twins
  const theirs = await twins.history(id)
  const doc = database.doc(id)
  agree(doc === undefined, theirs === undefined, `${id} is there`)
  if (doc === undefined || theirs === undefined) return
  const leaves = doc.tree.leaves().map(({ rev }) => rev)
  agree([...leaves].sort(), [...theirs.paths.keys()].sort(), `the leaves of ${id}`)
  for (const leaf of leaves) {
    // Where branches share ancestors we keep them for the longest one, as CouchDB does; PouchDB cuts each branch at the limit.
    const info = doc.tree.revsInfo(leaf).slice(0, limit)
    const ours = info.map(({ rev, status }) => [rev, status !== 'missing' || twins.wasLastLive(id, rev)])
    const path = theirs.paths.get(leaf) ?? []
    const known = path.map(({ rev, isAvailable }) => [rev, isAvailable || twins.wasLastLive(id, rev)])
    agree(ours, known, `the ancestors of ${id} ${leaf}`)
    // Of what is no leaf PouchDB may forget that it was deleted, when a path with older ancestors comes.
    agree(info[0]?.status === 'deleted', path[0]?.isDeleted, `${id} ${leaf} is deleted`)
  }
}

/** Compares all that can be read of both. */
export async function compareTwins(twins: Twins): Promise<void> {
  const { database, pouch } = twins
  await compareFeeds(twins)
  for (const { id } of database.changes({ after: 0, limit: 1000 })) {
    const doc = database.doc(id)
    if (doc === undefined || twins.torn.has(id)) continue
    await compareHistory(twins, id)
    await compareBodies(twins, doc)
    await compareWinner(twins, doc)
  }
  for (const { id, rev, body } of database.localDocs({ limit: 99, withBodies: true })) {
    const { _id, _rev, ...rest } = (await pouch.get(`_local/${id}`)) as PouchDoc & { readonly _rev: string }
    agree([_rev, rest], [rev, JSON.parse(body ?? '')], `_local/${id}`)
  }
}

async function compareFeeds({ database, pouch, torn }: Twins): Promise<void> {
  const { results } = await pouch.changes({ style: 'all_docs', since: 0 })
  const theirs = results.map(({ id, deleted, changes }) => ({
    id,
    deleted: deleted === true,
    leaves: torn.has(id) ? [] : changes.map(({ rev }) => rev).sort(),
  }))
  const ours = database.changes({ after: 0, limit: 1000 }).map(({ id, rev, deleted, leaves }) => ({
    id,
    deleted,
    leaves: torn.has(id) ? [] : (leaves ?? [{ rev }]).map(leaf => leaf.rev).sort(),
  }))
  const isWhole = ({ id }: { readonly id: string }) => !torn.has(id)
  agree(ours.filter(isWhole), theirs.filter(isWhole), 'the feed')
  const all = await pouch.allDocs()
  const rows = all.rows.map(({ id, value }) => ({ id, rev: value.rev })).filter(isWhole)
  const docs = database.docs({ limit: 1000, withBodies: false }).map(({ id, rev }) => ({ id, rev }))
  agree(docs.filter(isWhole), rows, '_all_docs')
  if (torn.size === 0) agree(database.facts().docCount, (await pouch.info()).doc_count, 'doc_count')
}

async function compareWinner({ database, pouch }: Twins, { id, tree }: StoredDoc): Promise<void> {
  if (tree.winner.deleted) {
    const refused = await pouch.get(id).catch((error: { readonly reason: string }) => error)
    assert('reason' in refused && refused.reason === 'deleted', `${id} is deleted`)
    return
  }
  const winner = await pouch.get(id, { conflicts: true })
  agree(tree.winner.rev, winner._rev, `the winner of ${id}`)
  const conflicts = tree.leaves().filter(leaf => !leaf.deleted && leaf.rev !== tree.winner.rev)
  agree(
    conflicts.map(({ rev }) => rev).sort(),
    [...(winner._conflicts ?? [])].sort(),
    `the conflicts of ${id}`,
  )
  agree(
    database.docs({ startKey: id, endKey: id, limit: 1, withBodies: false })[0]?.rev,
    winner._rev,
    `the row of ${id}`,
  )
}

async function compareBodies(twins: Twins, doc: StoredDoc): Promise<void> {
  const { database, pouch, limit } = twins
  const options = { open_revs: 'all', revs: true, attachments: true } as const
  const open = (await pouch.get(doc.id, options as PouchDB.Core.GetOpenRevisions)) as unknown as OpenRev[]
  for (const { ok } of open) {
    const what = `${doc.id} ${ok._rev}`
    const revision = database.revision(doc, ok._rev)
    assert(revision !== undefined, what)
    agree(revision.deleted, ok._deleted === true, what)
    agree(JSON.parse(revision.body), withoutUnderscores(ok), `the body of ${what}`)
    const { start, ids } = doc.tree.revisions(ok._rev) ?? { start: 0, ids: [] }
    agree({ start, ids: ids.slice(0, limit) }, { ...ok._revisions }, `_revisions of ${what}`)
    compareAttachments(twins, what, revision.attachments ?? [], ok._attachments ?? {})
  }
}

function compareAttachments(
  { database, otherRevpos }: Twins,
  what: string,
  ours: readonly Attachment[],
  theirs: { readonly [name: string]: PouchAttachment },
): void {
  agree(ours.map(({ name }) => name).sort(), Object.keys(theirs).sort(), `attachments of ${what}`)
  for (const { name, contentType, digest, length, revpos } of ours) {
    const data = Buffer.concat([...(database.attachment(digest)?.read() ?? [])])
    const there = theirs[name]
    agree([contentType, digest], [there?.content_type, there?.digest], `${what} ${name}`)
    assert(data.equals(Buffer.from(there?.data ?? '', 'base64')), `the bytes of ${what} ${name}`)
    agree(data.length, length, `the length of ${what} ${name}`)
    if (!otherRevpos.has(`${what} ${name}`)) agree(revpos, there?.revpos, `revpos of ${what} ${name}`)
  }
}

function withoutUnderscores(doc: object): unknown {
  return Object.fromEntries(Object.entries(doc).filter(([name]) => !name.startsWith('_')))
}

function agree(ours: unknown, theirs: unknown, what: string): void {
  assert.deepEqual(
    ours,
    theirs,
    `${what}: ${JSON.stringify(ours)} here, ${JSON.stringify(theirs)} in PouchDB`,
  )
}
