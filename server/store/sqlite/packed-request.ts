import type { Edit } from '../store.ts'
import type { Request } from './commands.ts'

/**
 * A request on its way to the writer's thread. The edits of a write are one list, in which the members of each stand one after the
 * other: a clone of objects writes and reads the names of their members again with each of them, and takes three times as long. An edit
 * that has more than every edit has stays an object.
 */
export type PackedRequest =
  | Request
  | { readonly request: number; readonly db: number; readonly edits: readonly Word[] }

type Word = string | number | boolean | undefined | Edit

export function packRequest(request: Request): PackedRequest {
  if (!('command' in request) || request.command.kind !== 'write') return request
  const { db, edits } = request.command
  return { request: request.request, db, edits: packEdits(edits) }
}

/** Reads what `packRequest` wrote. */
export function unpackRequest(packed: PackedRequest): Request {
  if (!('edits' in packed)) return packed
  const { request, db, edits } = packed
  return { request, command: { kind: 'write', db, edits: unpackEdits(edits) } }
}

function packEdits(edits: readonly Edit[]): readonly Word[] {
  const words: Word[] = []
  for (const edit of edits) {
    if (isPlain(edit)) packEdit(edit, words)
    else words.push(edit)
  }
  return words
}

function isPlain(edit: Edit): boolean {
  if (edit.attachments !== undefined) return false
  return edit.kind === 'replicated' || (edit.salt === undefined && edit.mark === undefined)
}

function packEdit(edit: Edit, words: Word[]): void {
  const { id, body, deleted } = edit
  if (edit.kind === 'interactive') {
    words.push(id, body, deleted, edit.parent)
    return
  }
  const { start, ids } = edit.revisions
  words.push(id, body, deleted, start, ids.length)
  for (const sig of ids) words.push(sig)
}

function unpackEdits(words: readonly Word[]): Edit[] {
  const edits: Edit[] = []
  for (let at = 0; at < words.length; ) {
    const first = words[at++]
    if (typeof first === 'object') {
      edits.push(first)
      continue
    }
    const id = first as string
    const body = words[at++] as string
    const deleted = words[at++] as boolean
    const from = words[at++] as string | number | undefined
    if (typeof from !== 'number') {
      edits.push({ kind: 'interactive', id, deleted, body, attachments: undefined, parent: from })
      continue
    }
    const end = at + 1 + (words[at] as number)
    const ids = words.slice(at + 1, end) as string[]
    edits.push({
      kind: 'replicated',
      id,
      deleted,
      body,
      attachments: undefined,
      revisions: { start: from, ids },
    })
    at = end
  }
  return edits
}
