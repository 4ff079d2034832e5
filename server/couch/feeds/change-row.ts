import type { ChangeRow, Revision } from '../../store/store.ts'
import type { OddRow, RowPiece, RowsAsText, RowTemplate, RowValue } from '../../store/text-page.ts'
import { conflictsMember, docText } from '../content/doc-text.ts'
import { ALL_ATTACHMENTS, docPieces, type FoundBytes } from '../content/inline-attachments.ts'
import type { FeedRequest } from './changes-query.ts'
import type { FeedFrame } from './feed-frame.ts'

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

type TextForm = { readonly withSeq: boolean; readonly frame: FeedFrame }

/** Few, and the same for all feeds of one style: the engine keeps a statement for each. */
const ROWS_AS_TEXT = new Map<string, RowsAsText>()

/** How the engine puts together what `rowText` makes of a row that is not odd, with what stands before and behind it in a frame. */
export function rowsAsText(style: RowStyle, form: TextForm): RowsAsText {
  const { allLeaves, includeDocs, conflicts, lastLive } = style
  const key = [allLeaves || conflicts, includeDocs, lastLive, form.withSeq, form.frame.behind].join()
  const known = ROWS_AS_TEXT.get(key)
  if (known !== undefined) return known
  const branched: OddRow[] = allLeaves || conflicts ? ['branched'] : []
  const made: RowsAsText = {
    template: templateOf(style, form),
    odd: lastLive ? [...branched, 'deleted'] : branched,
  }
  ROWS_AS_TEXT.set(key, made)
  return made
}

function templateOf({ includeDocs, lastLive }: RowStyle, { withSeq, frame }: TextForm): RowTemplate {
  const docHead = [text(',"doc":{"_id":'), value('id'), text(',"_rev":"'), value('rev'), text('"')]
  return [
    text(`${frame.before(false)}{"seq":`),
    ...(withSeq ? [text('"'), value('sequence'), text('"')] : [text('null')]),
    text(',"id":'),
    value('id'),
    text(',"changes":[{"rev":"'),
    value('rev'),
    text('"}]'),
    ifDeleted(',"deleted":true'),
    ...(includeDocs ? [...docHead, ifDeleted(',"_deleted":true'), value('members')] : []),
    ...(lastLive ? [text(',"time":'), value('time')] : []),
    text(`}${frame.behind ?? ''}`),
  ]
}

function ifDeleted(text: string): RowPiece {
  return { text, ifDeleted: true }
}

function text(text: string): RowPiece {
  return { text }
}

function value(value: RowValue): RowPiece {
  return { value }
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
