import type { Readable } from 'node:stream'
import { z } from 'zod'
import { CouchError } from '../../couch-error.ts'
import { byteRange } from '../../http/byte-range.ts'
import { matchesEtag } from '../../http/etag.ts'
import { contentTypeValue } from '../../http/header-values.ts'
import type { Answer, Call, Out, Route } from '../../http/route.ts'
import type { Attachment, AttachmentBytes, AttachmentEdit, Database, Revision } from '../../store/store.ts'
import { receiveAttachment } from '../content/attachment-body.ts'
import { checkAttachmentName, describedBytes } from '../content/attachment-input.ts'
import { isLocalDocId } from '../content/checked-doc-id.ts'
import { checkDocumentSize, type DocLimits } from '../content/doc-input.ts'
import { openDoc } from '../content/doc-query.ts'
import { checkedRev } from '../content/rev.ts'
import type { CouchContext } from '../couch-context.ts'
import { unquoted } from '../query-values.ts'
import { checkMayWrite, docIdOf, docRoutes, locationOf } from './doc-route.ts'
import { namedRev } from './doc-write.ts'
import { createdAnswer, type Written, writeEdit } from './write-edit.ts'

const revQuery = z.object({ rev: z.string().transform(unquoted).optional() })
type AttachmentCall = Call<z.infer<typeof revQuery>>

/** `/db/doc/name`, where the name may hold slashes. */
export function attachmentRoutes(context: CouchContext): readonly Route[] {
  const { limits } = context
  return [
    ...docRoutes(context, '/*name', { method: 'GET', query: revQuery, handle: readAttachment }),
    ...docRoutes(context, '/*name', {
      method: 'PUT',
      query: revQuery,
      body: { kind: 'stream' },
      handle: (call: AttachmentCall, database) => putAttachment(call, database, limits),
    }),
    ...docRoutes(context, '/*name', { method: 'DELETE', query: revQuery, handle: deleteAttachment }),
  ]
}

function readAttachment(call: AttachmentCall, database: Database): Answer {
  const rev = call.query.rev === undefined ? undefined : checkedRev(call.query.rev, 'rev')
  return database.atOnce(() => {
    const opened = openDoc(database, attachableId(call), { rev })
    const revision = database.revision(opened.doc, opened.rev)
    const attachment = revision?.attachments?.find(({ name }) => name === call.params.name)
    const bytes = attachment === undefined ? undefined : database.attachment(attachment.digest)
    if (attachment === undefined || bytes === undefined)
      throw new CouchError('not_found', 'Document is missing attachment')
    return answerBytes(call, attachment, bytes)
  })
}

function answerBytes(call: AttachmentCall, attachment: Attachment, bytes: AttachmentBytes): Answer {
  const etag = `"${attachment.digest.replace(/^md5-/, '')}"`
  const headers = headersOf(attachment, etag)
  if (matchesEtag(call.headers['if-none-match'], etag)) return { status: 304, headers, empty: true }
  const range = byteRange(call.headers.range, bytes.length)
  const { start, end } = range ?? { start: 0, end: bytes.length }
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      'Content-Length': String(end - start),
      ...(range === undefined ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` }),
    },
    write: out => writeChunks(out, bytes.read({ start, end })),
  }
}

/** A user's file is shown by browsers in this server's own name: it must not run there, nor be taken for what it is not. */
function headersOf({ contentType }: Attachment, etag: string): Record<string, string> {
  return {
    'Content-Type': contentTypeValue(contentType),
    'Content-Security-Policy': 'sandbox',
    'X-Content-Type-Options': 'nosniff',
    'Accept-Ranges': 'bytes',
    ETag: etag,
  }
}

async function writeChunks(out: Out, chunks: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of chunks) await out.write(chunk)
}

async function putAttachment(call: AttachmentCall, database: Database, limits: DocLimits): Promise<Answer> {
  const [id, name] = targetOf(call, database)
  const parent = parentOf(call, database, id)
  const kept = stubsOf(parent, name)
  const described = { name, contentType: call.headers['content-type'] ?? 'application/octet-stream' }
  checkDocumentSize(id, bodyOf(parent), limits.maxDocumentBytes, describedBytes([...kept, described]))
  const received = await receiveAttachment(call.stream as Readable, database, {
    headers: call.headers,
    name,
    maxBytes: limits.maxAttachmentBytes,
  })
  try {
    const attachments = [...kept, { ...described, ...received.bytes }]
    const written = await writeAttachments(database, id, parent, attachments)
    return createdAnswer(written, locationOf(call, id, ...name.split('/')))
  } finally {
    await received.close()
  }
}

async function deleteAttachment(call: AttachmentCall, database: Database): Promise<Answer> {
  const [id, name] = targetOf(call, database)
  const parent = parentOf(call, database, id)
  if (!parent?.attachments?.some(attachment => attachment.name === name))
    throw new CouchError('not_found', 'Document is missing attachment')
  const written = await writeAttachments(database, id, parent, stubsOf(parent, name))
  return { headers: { ETag: `"${written.rev}"` }, json: { ok: true, ...written } }
}

function targetOf(call: AttachmentCall, database: Database): [id: string, name: string] {
  const id = attachableId(call)
  const name = call.params.name ?? ''
  checkMayWrite(call.caller, database, id)
  checkAttachmentName(name)
  return [id, name]
}

function attachableId(call: AttachmentCall): string {
  const id = docIdOf(call)
  if (isLocalDocId(id)) throw new CouchError('bad_request', '_local documents do not accept attachments.')
  return id
}

/** The revision that the new one is built on; undefined for a document that this attachment makes. */
function parentOf(call: AttachmentCall, database: Database, id: string): Revision | undefined {
  const rev = namedRev(call)
  if (rev === undefined) {
    if (database.doc(id)?.tree.winner.deleted ?? true) return undefined
    throw new CouchError('conflict', 'Document update conflict.')
  }
  const parent = revisionOf(database, id, checkedRev(rev, 'rev'))
  if (parent === undefined) throw new CouchError('conflict', 'Document update conflict.')
  return parent
}

function revisionOf(database: Database, id: string, rev: string): Revision | undefined {
  return database.atOnce(() => {
    const doc = database.doc(id)
    return doc && database.revision(doc, rev)
  })
}

/** What the document keeps. */
function stubsOf(parent: Revision | undefined, without: string): AttachmentEdit[] {
  return (parent?.attachments ?? [])
    .filter(({ name }) => name !== without)
    .map(({ name, contentType, digest, revpos }) => ({ name, contentType, digest, revpos }))
}

function writeAttachments(
  database: Database,
  id: string,
  parent: Revision | undefined,
  attachments: readonly AttachmentEdit[],
): Promise<Written> {
  return writeEdit(database, {
    kind: 'interactive',
    id,
    deleted: false,
    body: bodyOf(parent),
    attachments,
    parent: parent?.rev,
  })
}

function bodyOf(parent: Revision | undefined): string {
  return parent?.body ?? '{}'
}
