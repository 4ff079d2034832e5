import { randomUUID } from 'node:crypto'
import { invalidIdError } from 'pouchdb-utils'
import { describedBytes } from '../couch/content/attachment-input.ts'
import {
  checkDocumentSize,
  type DocLimits,
  interactiveEdit,
  type RawDoc,
  readDoc,
  replicatedEdit,
} from '../couch/content/doc-input.ts'
import type { Edit } from '../store/store.ts'
import { attachmentEdits } from './attachments.ts'

export type ReadOptions = {
  /** False: a revision made elsewhere. */
  readonly newEdits: boolean
  readonly limits: DocLimits
}

/**
 * A document as PouchDB's callers write it, by the rules that hold for HTTP: both go into the same database, so neither may bring what
 * the other could not give out. It differs in the attachments, whose bytes need not be base64 here.
 */
export function readEdit(doc: RawDoc, { newEdits, limits }: ReadOptions): Edit {
  const { _attachments, ...rest } = doc
  const id = rest._id === undefined && newEdits ? randomUUID() : rest._id
  invalidIdError(id)
  const input = readDoc({ ...rest, _deleted: Boolean(rest._deleted) }, id as string, limits)
  const attachments =
    _attachments === undefined ? undefined : attachmentEdits(_attachments, limits.maxAttachmentBytes)
  checkDocumentSize(input.id, input.body, limits.maxDocumentBytes, describedBytes(attachments))
  const whole = { ...input, attachments }
  return newEdits ? interactiveEdit(whole) : replicatedEdit(whole)
}
