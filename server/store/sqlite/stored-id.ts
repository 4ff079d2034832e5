/**
 * An id as a column holds it. SQLite's drivers end a text at its first NUL, so two ids that differ behind one would be
 * the same document. NUL is written as `\u0001\u0001` and `\u0001` as `\u0001\u0002`, which keeps the order of ids.
 */
export function toStoredId(id: string): string {
  if (!id.includes('\u0000') && !id.includes('\u0001')) return id
  return id.replaceAll('\u0001', '\u0001\u0002').replaceAll('\u0000', '\u0001\u0001')
}

/** The id that `toStoredId` wrote. */
export function fromStoredId(stored: string): string {
  if (!stored.includes('\u0001')) return stored
  return stored.replaceAll('\u0001\u0001', '\u0000').replaceAll('\u0001\u0002', '\u0001')
}
