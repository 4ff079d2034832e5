import { hash } from 'node:crypto'
import type { Attachment, AttachmentEdit } from '../../store.ts'
import { CHUNK_BYTES } from '../chunk-bytes.ts'
import type { Connection } from '../connection.ts'
import { newAttachmentKey } from './attachment-refs.ts'
import { storedAttachments } from './bodies.ts'

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

/** An attachment as the revision will name it, and its bytes if they came with the edit. */
export type ResolvedAttachment = { readonly named: Attachment; readonly data: Uint8Array | undefined }

/** An edit's attachments, or the name of a stub that stands for nothing. */
export type Resolved = { readonly attachments: readonly ResolvedAttachment[] } | { readonly missing: string }

/** Finds out what an edit's attachments are, without writing anything. */
export function resolveAttachments(
  connection: Connection,
  edits: readonly AttachmentEdit[] | undefined,
  sources: AttachmentSources,
): Resolved {
  const attachments: ResolvedAttachment[] = []
  for (const edit of edits ?? []) {
    const named = edit.data ? fresh(edit, edit.data, sources) : resolveStub(connection, edit, sources)
    if (named === undefined) return { missing: edit.name }
    attachments.push({ named, data: edit.data })
  }
  return { attachments }
}

function fresh(edit: AttachmentEdit, data: Uint8Array, sources: AttachmentSources): Attachment {
  const revpos = sources.byName ? sources.pos : (edit.revpos ?? sources.pos)
  return {
    name: edit.name,
    contentType: edit.contentType,
    digest: `md5-${hash('md5', data, 'base64')}`,
    length: data.byteLength,
    revpos,
  }
}

function resolveStub(
  connection: Connection,
  edit: AttachmentEdit,
  sources: AttachmentSources,
): Attachment | undefined {
  const named = findByName(connection, edit.name, sources)
  if (sources.byName && named !== undefined && (edit.digest ?? named.digest) === named.digest) return named
  return findByDigest(connection, edit, sources) ?? (sources.byName ? undefined : named)
}

function findByName(connection: Connection, name: string, sources: AttachmentSources) {
  for (const seq of sources.ancestors()) {
    const found = storedAttachments(connection, sources.db, seq).find(stored => stored.name === name)
    if (found !== undefined) return found
  }
  return undefined
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

/** Stores the bytes that came with an edit, unless the database has them. Returns how many bytes are new. */
export function storeAttachments(
  connection: Connection,
  db: number,
  attachments: readonly ResolvedAttachment[],
): number {
  let bytes = 0
  for (const { named, data } of attachments)
    if (data !== undefined) bytes += storeBytes(connection, db, named.digest, data)
  return bytes
}

function storeBytes(connection: Connection, db: number, digest: string, data: Uint8Array): number {
  const isThere =
    connection.row('select 1 from attachments where db = ? and digest = ?', db, digest) !== undefined
  if (isThere) return 0
  const key = newAttachmentKey(connection)
  connection.run(
    'insert into attachments (key, db, digest, length) values (?, ?, ?, ?)',
    key,
    db,
    digest,
    data.byteLength,
  )
  for (let n = 0; n * CHUNK_BYTES < data.byteLength; n++) {
    const chunk = data.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES)
    connection.run('insert into attachment_chunks values (? << 20 | ?, ?)', key, n, chunk)
  }
  return data.byteLength
}
