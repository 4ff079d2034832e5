import { CouchError } from '../../couch-error.ts'
import type { Answer } from '../../http/route.ts'
import type { Database, Edit } from '../../store/store.ts'

/** A document as it is after a write. */
export type Written = { readonly id: string; readonly rev: string }

/** Writes one edit; what the store refuses becomes the answer. */
export async function writeEdit(database: Database, edit: Edit): Promise<Written> {
  const [outcome] = await database.write([edit])
  if (outcome?.ok) return { id: outcome.id, rev: outcome.rev }
  throw new CouchError(outcome?.error ?? 'internal_server_error', outcome?.reason ?? 'no outcome')
}

/** 201 with everything a client may want to know of the new rev. */
export function createdAnswer({ id, rev }: Written, location: string | undefined): Answer {
  const headers = { ETag: `"${rev}"`, ...(location === undefined ? {} : { Location: location }) }
  return { status: 201, headers, json: { ok: true, id, rev } }
}
