/** A value of a row, as JSON has it but for the quotes of `rev` and `sequence`, which need no escape. */
export type RowValue =
  | 'id'
  | 'rev'
  /** The number of the last change in its wire form. */
  | 'sequence'
  /** The server's time of the last change. */
  | 'time'
  /** The members of the winner's body with a comma before them, if there are any, and the closing brace. */
  | 'members'

/** A piece of a row's text. One with `ifDeleted` stands only in the rows of deleted documents. */
export type RowPiece =
  | { readonly value: RowValue }
  | { readonly text: string; readonly ifDeleted?: boolean | undefined }

/**
 * How a row looks as text. The engine puts it together itself, at a third of what rows as objects cost. Each template becomes a
 * prepared statement that is kept, so there must be few of them, and nothing of a request may stand in one.
 */
export type RowTemplate = readonly RowPiece[]

/**
 * Rows that a template cannot show: `branched` ones have more than one leaf. Whatever the template, those are odd whose text would be large, or
 * whose winner has attachments while the body is asked for, or whose id cannot be told from its stored form.
 */
export type OddRow = 'branched' | 'deleted'

export type RowsAsText = { readonly template: RowTemplate; readonly odd: readonly OddRow[] }

/** Stands in the text for a row that is odd. JSON has no such byte. */
export const ODD_ROW_MARK = 1

/** One page of rows as text. */
export type TextPage<Key> = {
  /** All rows, odd ones too. */
  readonly rows: number
  /** The last row's; undefined without any. */
  readonly last: Key | undefined
  /** UTF-8, row after row. */
  readonly text: Uint8Array
  /** The odd rows in their order: to be read one by one, each where its mark stands. */
  readonly odd: readonly Key[]
}
