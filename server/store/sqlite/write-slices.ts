import { CouchError } from '../../couch-error.ts'
import { editSize } from '../edit-size.ts'
import type { AttachmentEdit, Edit, WriteOutcome } from '../store.ts'
import { SqliteUpload } from './attachment-upload.ts'
import type { Refusal } from './commands.ts'
import { hasLargeAttachment, stageAttachments } from './stage-attachments.ts'
import type { WriterClient } from './writer-client.ts'

/** What one slice holds at most: the clone that a slice is to the writer's thread must not hold up this one. */
const SLICE_EDITS = 500
const SLICE_BYTES = 1024 * 1024
/** Slices of one write on their way at once: one in the commit, one waiting for it. */
const SLICES_AHEAD = 2

/** Sends edits to the writer in slices, in their order, and puts the outcomes together. */
export async function writeInSlices(
  writer: WriterClient,
  db: number,
  edits: readonly Edit[],
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = []
  const ahead: Promise<WriteOutcome[]>[] = []
  let start = 0
  try {
    while (start < edits.length || ahead.length > 0) {
      while (start < edits.length && ahead.length < SLICES_AHEAD) {
        const end = sliceEnd(edits, start)
        const slice = edits.slice(start, end)
        const isStaged = slice.some(hasLargeAttachment)
        // No slice may overtake another one while its attachments are on their way.
        if (isStaged && ahead.length > 0) break
        ahead.push(isStaged ? writeStaged(writer, db, slice) : writeSlice(writer, db, slice))
        start = end
        if (isStaged) break
      }
      for (const outcome of (await ahead.shift()) ?? []) outcomes.push(outcome)
    }
  } catch (error) {
    await Promise.allSettled(ahead)
    throw outcomes.length === 0 ? error : partlyStored(error)
  }
  return outcomes
}

/** The writer knows of one slice only. */
function partlyStored(error: unknown): unknown {
  if (!(error instanceof CouchError)) return error
  const reason = error.message.replace('nothing was stored', 'only a part was stored')
  return new CouchError(error.word, reason, { cause: error })
}

function sliceEnd(edits: readonly Edit[], start: number): number {
  let bytes = 0
  let end = start
  for (const edit of edits.slice(start, start + SLICE_EDITS)) {
    if (bytes >= SLICE_BYTES) break
    bytes += editSize(edit)
    end++
  }
  return end
}

async function writeStaged(
  writer: WriterClient,
  db: number,
  edits: readonly Edit[],
): Promise<WriteOutcome[]> {
  const newUpload = () => new SqliteUpload(db, (command, transfer) => writer.send(command, transfer))
  const staged = await stageAttachments(edits, newUpload)
  try {
    return await writeSlice(writer, db, staged.edits)
  } finally {
    await staged.close()
  }
}

async function writeSlice(writer: WriterClient, db: number, edits: readonly Edit[]): Promise<WriteOutcome[]> {
  const transfer: ArrayBuffer[] = []
  const movable = edits.map(edit => withMovableData(edit, transfer))
  const results = await writer.send<'write'>({ kind: 'write', db, edits: movable }, transfer)
  return results.map((result, n) => outcomeOf(edits[n]?.id ?? '', result))
}

function outcomeOf(id: string, result: string | Refusal): WriteOutcome {
  if (typeof result === 'string') return { ok: true, id, rev: result }
  return { ok: false, id, error: result.error, reason: result.reason }
}

/** Bytes travel as a copy of their own: a view on a request's large buffer would take all of that buffer along. */
function withMovableData(edit: Edit, transfer: ArrayBuffer[]): Edit {
  if (edit.attachments === undefined) return edit
  return { ...edit, attachments: edit.attachments.map(attachment => withCopy(attachment, transfer)) }
}

function withCopy(attachment: AttachmentEdit, transfer: ArrayBuffer[]): AttachmentEdit {
  if (attachment.data === undefined) return attachment
  const data = new Uint8Array(attachment.data)
  transfer.push(data.buffer)
  return { ...attachment, data }
}
