import { entityOfType } from '../../design-docs/catalogue.ts'
import { typeOfId } from '../../design-docs/doc-id.ts'

/** Rows by table. */
export type RowCounts = ReadonlyMap<string, number>

/** How many rows these documents are, by table. */
export function rowsOfDocs(docs: readonly { readonly _id: string }[]): RowCounts {
  const rows = new Map<string, number>()
  for (const doc of docs) {
    const entity = entityOfType(typeOfId(doc._id))
    if (entity === undefined) continue
    const list: unknown =
      entity.rows === undefined ? undefined : new Map(Object.entries(doc)).get(entity.rows.member)
    rows.set(entity.table, (rows.get(entity.table) ?? 0) + (Array.isArray(list) ? list.length : 1))
  }
  return rows
}

/** All rows of all tables. */
export function totalRows(rows: RowCounts): number {
  return [...rows.values()].reduce((sum, count) => sum + count, 0)
}
