import { CouchError } from '../couch-error.ts'
import type { NamedRow } from './identity-of-rows.ts'

/** No app sends one document more than a few times: each of its rows costs a round of its own, and a reading of its versions. */
const MAX_ROWS_OF_DOCUMENT = 1000

/** The rows of one document, in their order. */
export class DocumentRows {
  readonly #rows: NamedRow[] = []
  #at = 0

  add(row: NamedRow): void {
    this.#rows.push(row)
    if (this.#rows.length > MAX_ROWS_OF_DOCUMENT)
      throw new CouchError(
        'too_large',
        `${row.path}: More than ${MAX_ROWS_OF_DOCUMENT} rows are of one document.`,
      )
  }

  first(): NamedRow | undefined {
    return this.#rows[this.#at]
  }

  /** Past its first row, unless that was refused. False if there is none left. */
  goOn(refused: ReadonlySet<NamedRow>): boolean {
    const row = this.first()
    if (row !== undefined && !refused.has(row)) this.#at += 1
    return this.#at < this.#rows.length
  }
}

/** @throws CouchError `too_large` for more rows of one document than any app sends */
export function byDocument(rows: readonly NamedRow[]): DocumentRows[] {
  const byId = new Map<string, DocumentRows>()
  for (const row of rows) {
    const ofDocument = byId.get(row.docId) ?? new DocumentRows()
    ofDocument.add(row)
    byId.set(row.docId, ofDocument)
  }
  return [...byId.values()]
}
