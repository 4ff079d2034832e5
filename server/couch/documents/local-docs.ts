import { z } from 'zod'
import { CouchError } from '../../couch-error.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import type { Database, LocalDoc } from '../../store/store.ts'
import { bodyText, checkDocumentSize, type DocLimits, type RawDoc } from '../content/doc-input.ts'
import { docTail } from '../content/doc-text.ts'
import { withParsedDoc } from '../content/parsed-doc.ts'
import { checkedLocalRev } from '../content/rev.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { unquoted } from '../query-values.ts'
import { BegunSessions } from './begun-sessions.ts'

const revQuery = z.object({ rev: z.string().transform(unquoted).optional() })
type LocalCall = Call<z.infer<typeof revQuery>>

/**
 * `/db/_local/…`: documents of this database alone, which no feed names. Clients keep their replication logs in them, under
 * names that may hold slashes.
 */
export function localDocRoutes(context: CouchContext): readonly Route[] {
  const sessions = new BegunSessions()
  const answer = (database: Database, name: string) => {
    if (database.localDoc(name) === undefined) sessions.noteMissing(database, name)
    return answerLocalDoc(database, name)
  }
  return [
    ...localDocPath({ ...context, sessions }, '/:db/_local/:name', answer),
    ...localDocPath({ ...context, sessions }, '/:db/_local/:name/*rest', answerBelowLocalDoc),
  ]
}

type LocalContext = CouchContext & { readonly sessions: BegunSessions }

function localDocPath(
  context: LocalContext,
  path: string,
  answer: (database: Database, name: string) => Answer,
): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'GET',
      path,
      handle: (call, database) => answer(database, nameOf(call)),
    }),
    databaseRoute(context, {
      method: 'PUT',
      path,
      query: revQuery,
      body: { kind: 'stream' },
      handle: (call: LocalCall, database) => readAndPut(call, database, context),
    }),
    databaseRoute(context, {
      method: 'DELETE',
      path,
      query: revQuery,
      handle: (call: LocalCall, database) =>
        deleteLocalDoc(database, nameOf(call), call.query.rev ?? ifMatch(call)),
    }),
  ]
}

function nameOf({ params }: Pick<Call, 'params'>): string {
  return params.rest === undefined ? (params.name ?? '') : `${params.name}/${params.rest}`
}

/** A slash that is not encoded may belong to a local doc's name, but else it asks for an attachment. */
function answerBelowLocalDoc(database: Database, name: string): Answer {
  if (database.localDoc(name) !== undefined) return answerLocalDoc(database, name)
  throw new CouchError('bad_request', '_local documents do not accept attachments.')
}

export function answerLocalDoc(database: Database, name: string): Answer {
  const doc = database.localDoc(name)
  if (doc === undefined) throw new CouchError('not_found', 'missing')
  return { text: `${localDocText(doc)}\n` }
}

/** The JSON text of a local doc. */
export function localDocText({ id, rev, body }: LocalDoc): string {
  return `{"_id":${JSON.stringify(`_local/${id}`)},"_rev":"${rev}"${docTail(body)}`
}

/** A local doc to write: what `Database.writeLocalDoc` takes. */
export type LocalDocInput = {
  readonly name: string
  readonly rev: string | undefined
  readonly body: string | null
}

/** Checks what a client sent as a local doc; `_deleted` deletes it. Attachments are dropped, as CouchDB does. */
export function readLocalDoc(name: string, doc: RawDoc, limits: DocLimits): LocalDocInput {
  const rev = doc._rev === undefined ? undefined : checkedLocalRev(doc._rev, '_rev')
  const body = doc._deleted === true ? null : bodyText(doc)
  if (body !== null) checkDocumentSize(`_local/${name}`, body, limits.maxDocumentBytes)
  return { name, rev, body }
}

export async function writeLocalDoc(
  database: Database,
  { name, rev, body }: LocalDocInput,
): Promise<{ readonly id: string; readonly rev: string }> {
  return { id: `_local/${name}`, ...(await database.writeLocalDoc(name, rev, body)) }
}

export async function putLocalDoc(
  database: Database,
  { name, doc, limits }: { readonly name: string; readonly doc: RawDoc; readonly limits: DocLimits },
): Promise<Answer> {
  const written = await writeLocalDoc(database, readLocalDoc(name, doc, limits))
  return { status: 201, json: { ok: true, ...written } }
}

export async function deleteLocalDoc(
  database: Database,
  name: string,
  rev: string | undefined,
): Promise<Answer> {
  if (database.localDoc(name) === undefined) throw new CouchError('not_found', 'missing')
  const parent = rev === undefined ? undefined : checkedLocalRev(rev, 'rev')
  const written = await database.writeLocalDoc(name, parent, null)
  return { json: { ok: true, id: `_local/${name}`, ...written } }
}

async function readAndPut(call: LocalCall, database: Database, context: LocalContext): Promise<Answer> {
  const { limits, sessions, memoryGate } = context
  const name = nameOf(call)
  const source = await call.bytes(2 * limits.maxDocumentBytes)
  return withParsedDoc(source, { limits, memoryGate, call }, doc => {
    const rev = call.query.rev ?? ifMatch(call) ?? doc._rev
    if (database.localDoc(name) === undefined) sessions.checkNewLog(database, name, doc)
    return putLocalDoc(database, { name, doc: rev === undefined ? doc : { ...doc, _rev: rev }, limits })
  })
}

function ifMatch({ headers }: LocalCall): string | undefined {
  return headers['if-match'] === undefined ? undefined : unquoted(headers['if-match'])
}
