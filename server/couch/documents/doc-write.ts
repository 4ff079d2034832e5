import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { CouchError } from '../../couch-error.ts'
import { mediaType, requireJsonContent } from '../../http/content-type.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import type { Database, Edit } from '../../store/store.ts'
import { checkedDocId, isLocalDocId, localName } from '../content/checked-doc-id.ts'
import {
  type DocLimits,
  interactiveEdit,
  type RawDoc,
  readDoc,
  replicatedEdit,
} from '../content/doc-input.ts'
import { maxSourceBytes } from '../content/doc-source.ts'
import { withParsedDoc } from '../content/parsed-doc.ts'
import { checkedRev } from '../content/rev.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { flag, unquoted } from '../query-values.ts'
import { receiveMultipartDoc } from './doc-multipart.ts'
import { checkMayWrite, docIdOf, docRoutes, locationOf } from './doc-route.ts'
import { deleteLocalDoc, putLocalDoc } from './local-docs.ts'
import { createdAnswer, writeEdit } from './write-edit.ts'

const writeQuery = z.object({ rev: z.string().optional(), new_edits: flag.optional() })
type WriteQuery = z.infer<typeof writeQuery>
type WriteCall = Call<WriteQuery>

/** `PUT` and `DELETE /db/doc`, `POST /db`. */
export function docWriteRoutes(context: CouchContext): readonly Route[] {
  return [
    ...docRoutes(context, '', {
      method: 'PUT',
      query: writeQuery,
      body: { kind: 'stream' },
      handle: (call: WriteCall, database) => putDocument(call, database, context),
    }),
    ...docRoutes(context, '', { method: 'DELETE', query: writeQuery, handle: deleteDocument }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db',
      query: writeQuery,
      body: { kind: 'stream' },
      handle: (call: WriteCall, database) => postDocument(call, database, context),
    }),
  ]
}

/** The rev that the query or `If-Match` names. */
export function namedRev({
  query,
  headers,
}: {
  readonly query: { readonly rev?: string | undefined }
  readonly headers: IncomingHttpHeaders
}): string | undefined {
  const rev = query.rev ?? headers['if-match']
  return rev === undefined || rev === '' ? undefined : unquoted(rev)
}

/** A name for a document that came without one. */
export function newDocId(): string {
  return randomUUID().replaceAll('-', '')
}

function putDocument(call: WriteCall, database: Database, context: CouchContext): Promise<Answer> {
  const id = docIdOf(call)
  checkMayWrite(call.caller, database, id)
  const type = mediaType(call.headers)
  if (type === 'multipart/related') return putMultipart(call, database, { id, context })
  if (type.startsWith('multipart/'))
    throw new CouchError('bad_content_type', `Content-Type is ${type}, not multipart/related`)
  const { limits } = context
  return withBody(call, context, doc => storeDocument(call, database, { id, doc, limits }))
}

async function putMultipart(
  call: WriteCall,
  database: Database,
  { id, context }: { readonly id: string; readonly context: CouchContext },
): Promise<Answer> {
  if (isLocalDocId(id)) throw new CouchError('bad_request', '_local documents do not accept attachments.')
  const { limits, memoryGate } = context
  const editOf = (doc: RawDoc) => namedEdit(call, { id, doc, limits })
  return receiveMultipartDoc(call, { database, limits, memoryGate, editOf }, async edit =>
    createdAnswer(await writeEdit(database, edit), locationOf(call, id)),
  )
}

async function postDocument(call: WriteCall, database: Database, context: CouchContext): Promise<Answer> {
  requireJsonContent(call.headers)
  const { limits } = context
  return withBody(call, context, doc => {
    const id = checkedDocId(doc._id ?? newDocId())
    checkMayWrite(call.caller, database, id)
    return storeDocument(call, database, { id, doc, limits })
  })
}

/** Reads the document of a call's body and stores it. */
async function withBody(
  call: WriteCall,
  { limits, memoryGate }: CouchContext,
  store: (doc: RawDoc) => Promise<Answer>,
): Promise<Answer> {
  const source = await call.bytes(maxSourceBytes(limits))
  return withParsedDoc(source, { limits, memoryGate, call }, store)
}

type Stored = { readonly id: string; readonly doc: RawDoc; readonly limits: DocLimits }

async function storeDocument(
  call: WriteCall,
  database: Database,
  { id, doc, limits }: Stored,
): Promise<Answer> {
  if (isLocalDocId(id)) {
    const revised = withNamedRev(doc, namedRev(call))
    return putLocalDoc(database, { name: localName(id), doc: revised, limits })
  }
  const written = await writeEdit(database, namedEdit(call, { id, doc, limits }))
  return createdAnswer(written, locationOf(call, id))
}

/** What a call asks for: its query and headers say more than the document. */
function namedEdit(call: WriteCall, { id, doc, limits }: Stored): Edit {
  const input = readDoc(withNamedRev(doc, namedRev(call)), id, limits)
  return call.query.new_edits === false ? replicatedEdit(input) : interactiveEdit(input)
}

/** A rev may stand in the query, in `If-Match` and in the document, but it has to be the same one. */
function withNamedRev(doc: RawDoc, rev: string | undefined): RawDoc {
  if (rev === undefined) return doc
  if (doc._rev !== undefined && doc._rev !== rev)
    throw new CouchError(
      'bad_request',
      'Document rev from request body and query string have different values',
    )
  return { ...doc, _rev: rev }
}

async function deleteDocument(call: WriteCall, database: Database): Promise<Answer> {
  const id = docIdOf(call)
  checkMayWrite(call.caller, database, id)
  const rev = namedRev(call)
  if (isLocalDocId(id)) return deleteLocalDoc(database, localName(id), rev)
  const parent = rev === undefined ? undefined : checkedRev(rev, 'rev')
  const doc = database.doc(id)
  if (doc === undefined) throw new CouchError('not_found', 'missing')
  if (parent === undefined)
    throw doc.tree.winner.deleted
      ? new CouchError('not_found', 'deleted')
      : new CouchError('conflict', 'Document update conflict.')
  const written = await writeEdit(database, { kind: 'interactive', id, deleted: true, body: '{}', parent })
  return { headers: { ETag: `"${written.rev}"` }, json: { ok: true, ...written } }
}
