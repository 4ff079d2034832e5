import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { Attachment, AttachmentEdit, Upload } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { insertChunks } from './attachment-chunks.ts'
import { newAttachmentKey } from './attachment-refs.ts'
import { storedAttachments } from './bodies.ts'
import type { Transaction } from './transaction.ts'

/** Where an edit's attachments may come from. */
export type AttachmentSources = {
  readonly db: number
  /** The pos of the new revision. */
  readonly pos: number
  /** True: a stub means what the parent has under its name. False: what has its digest, then that. */
  readonly byName: boolean
  /** The bodies of the ancestors that may have a stub's name, the nearest first; asked for only if there is a stub. */
  readonly ancestors: () => readonly number[]
}

/** An attachment as the revision will name it, and its bytes or where they wait; neither for a stub. */
export type ResolvedAttachment = {
  readonly named: Attachment
  readonly data: Uint8Array | undefined
  readonly upload: Upload | undefined
}

/** An edit's attachments, or the name of a stub that stands for nothing. */
export type Resolved = { readonly attachments: readonly ResolvedAttachment[] } | { readonly missing: string }

/** Finds out what an edit's attachments are, without writing anything. */
export function resolveAttachments(
  connection: Connection,
  edits: readonly AttachmentEdit[] | undefined,
  sources: AttachmentSources,
): Resolved {
  const attachments: ResolvedAttachment[] = []
  const inherited = inheritedFrom(connection, sources)
  for (const edit of edits ?? []) {
    const named = resolve(connection, edit, sources, inherited)
    if (named === undefined) return { missing: edit.name }
    attachments.push({ named, data: edit.data, upload: edit.upload })
  }
  return { attachments }
}

function resolve(
  connection: Connection,
  edit: AttachmentEdit,
  sources: AttachmentSources,
  inherited: Inherited,
): Attachment | undefined {
  const { data, upload } = edit
  if (data !== undefined)
    return fresh(edit, { digest: `md5-${hash('md5', data, 'base64')}`, length: data.byteLength }, sources)
  if (upload === undefined) return resolveStub(connection, edit, sources, inherited)
  const isThere = isStored(connection, sources.db, upload.digest) || isWaiting(connection, sources.db, upload)
  return isThere ? fresh(edit, upload, sources) : undefined
}

type Bytes = { readonly digest: string; readonly length: number }

function fresh(edit: AttachmentEdit, { digest, length }: Bytes, sources: AttachmentSources): Attachment {
  const { name, contentType } = edit
  const revpos = sources.byName ? sources.pos : (edit.revpos ?? sources.pos)
  return { name, contentType, digest, length, revpos }
}

function isStored(connection: Connection, db: number, digest: string): boolean {
  return connection.row('select 1 from attachments where db = ? and digest = ?', db, digest) !== undefined
}

/** An attachment that came loose may have the key that an upload had, but it has no run. */
function isWaiting(connection: Connection, db: number, { key }: Upload): boolean {
  const sql = 'select 1 from loose_attachments where key = ? and db = ? and run is not null'
  return connection.row(sql, key, db) !== undefined
}

function resolveStub(
  connection: Connection,
  edit: AttachmentEdit,
  sources: AttachmentSources,
  inherited: Inherited,
): Attachment | undefined {
  if (!sources.byName) return findByDigest(connection, edit, sources) ?? inherited(edit.name)
  const named = inherited(edit.name)
  if (named !== undefined && (edit.digest ?? named.digest) === named.digest) return named
  return findByDigest(connection, edit, sources)
}

/** What the nearest ancestor that has this name has under it. */
type Inherited = (name: string) => Attachment | undefined

/**
 * Reads each ancestor once for all stubs of an edit, and only if the nearer ones lack a name: a document may have thousands of
 * attachments, and to look through its list for each of them held up everybody's writes for seconds.
 */
function inheritedFrom(connection: Connection, { db, ancestors }: AttachmentSources): Inherited {
  const byName = new Map<string, Attachment>()
  let unread: Iterator<number> | undefined
  return name => {
    while (!byName.has(name)) {
      unread ??= ancestors().values()
      const next = unread.next()
      if (next.done) break
      for (const stored of storedAttachments(connection, db, next.value))
        if (!byName.has(stored.name)) byName.set(stored.name, stored)
    }
    return byName.get(name)
  }
}

function findByDigest(connection: Connection, edit: AttachmentEdit, sources: AttachmentSources) {
  const { name, contentType, digest } = edit
  if (digest === undefined) return undefined
  const stored = connection.row<[number]>(
    'select length from attachments where db = ? and digest = ?',
    sources.db,
    digest,
  )
  if (stored === undefined) return undefined
  return { name, contentType, digest, length: stored[0], revpos: edit.revpos ?? sources.pos }
}

/** Stores the bytes that an edit brings, unless the database has them. Returns how many bytes are new. */
export function storeAttachments(
  tx: Transaction,
  db: number,
  attachments: readonly ResolvedAttachment[],
): number {
  let bytes = 0
  for (const { named, data, upload } of attachments) {
    if ((data ?? upload) === undefined || isStored(tx.connection, db, named.digest)) continue
    const key = data === undefined ? takeUpload(tx, upload) : storeBytes(tx, data)
    tx.connection.run(
      'insert into attachments (key, db, digest, length) values (?, ?, ?, ?)',
      key,
      db,
      named.digest,
      named.length,
    )
    bytes += named.length
  }
  return bytes
}

function storeBytes(tx: Transaction, data: Uint8Array): number {
  const key = newAttachmentKey(tx)
  insertChunks(tx.connection, key, 0, data)
  return key
}

/** Its chunks stay where they are. One that is not taken, because its digest is known, is removed when it is closed. */
function takeUpload({ connection }: Transaction, upload: Upload | undefined): number {
  assert(upload !== undefined, 'what brings no bytes was uploaded')
  const taken = connection.runCounted('delete from loose_attachments where key = ?', upload.key)
  assert.equal(taken, 1, 'an upload has one digest')
  return upload.key
}
