/** A rev's two parts: its generation, and the id that tells it from its siblings (most often 32 hex digits). */
export type Rev = { readonly pos: number; readonly id: string }

/** Reads `<pos>-<id>`. Undefined if the text is no rev. */
export function parseRev(rev: string): Rev | undefined {
  const match = /^([1-9]\d{0,14})-(.+)$/s.exec(rev)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  return { pos: Number(match[1]), id: match[2] }
}

/** The text form of a rev. */
export function formatRev(pos: number, id: string): string {
  return `${pos}-${id}`
}
