import type { ChangeRow, Revision } from '../../store/store.ts'
import { conflictsMember, docText } from '../content/doc-text.ts'
import { ALL_ATTACHMENTS, docPieces, type FoundBytes } from '../content/inline-attachments.ts'
import type { FeedRequest } from './changes-query.ts'

/** What of a request decides how a row looks. */
export type RowStyle = Pick<
  FeedRequest,
  'allLeaves' | 'includeDocs' | 'attachments' | 'conflicts' | 'lastLive'
>

/**
 * One row of the feed. `seq` is the JSON of its sequence, or `null`. With `include_docs` every row has its `doc`, tombstones
 * too: RxDB takes the deletion from there.
 */
export function rowText(row: ChangeRow, seq: string, style: RowStyle): string {
  const doc = style.includeDocs && row.revision ? `,"doc":${docOf(row, row.revision, style)}` : ''
  return `${rowHead(row, seq, style)}${doc}${rowTail(row, style)}`
}

/** The same in pieces, with attachments as base64. */
export function* rowPieces(
  found: FoundBytes,
  row: ChangeRow,
  seq: string,
  style: RowStyle,
): Generator<string> {
  yield rowHead(row, seq, style)
  if (row.revision !== undefined) {
    yield ',"doc":'
    const options = { members: membersOf(row, style), wanted: ALL_ATTACHMENTS }
    yield* docPieces(found, row.id, row.revision, options)
  }
  yield rowTail(row, style)
}

function rowHead(row: ChangeRow, seq: string, style: RowStyle): string {
  const revs =
    style.allLeaves && row.leaves !== undefined
      ? row.leaves.map(leaf => `{"rev":"${leaf.rev}"}`).join(',')
      : `{"rev":"${row.rev}"}`
  const deleted = row.deleted ? ',"deleted":true' : ''
  return `{"seq":${seq},"id":${JSON.stringify(row.id)},"changes":[${revs}]${deleted}`
}

/** What `last_live` adds: the server's time of the change, and what a deleted document was before. */
function rowTail(row: ChangeRow, { lastLive }: RowStyle): string {
  if (!lastLive) return '}'
  if (!row.deleted) return `,"time":${row.time}}`
  return `,"time":${row.time},"last_live":${row.lastLive ? docText(row.id, row.lastLive) : 'null'}}`
}

function docOf(row: ChangeRow, revision: Revision, style: RowStyle): string {
  return docText(row.id, revision, membersOf(row, style))
}

function membersOf({ leaves }: ChangeRow, { conflicts }: RowStyle): string {
  return conflicts && leaves !== undefined ? conflictsMember(leaves) : ''
}
