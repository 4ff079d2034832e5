/** A rev's two parts: its generation, and the signature (sig) that tells it from its siblings (most often 32 hex digits). */
export type Rev = { readonly pos: number; readonly sig: string }

/** Any text may follow the dash, also none: old clients made such revs, and a history keeps what it was given. */
const REV = /^([1-9]\d*)-(.*)$/s

/** Reads `<pos>-<sig>`. Undefined if the text is no rev. */
export function parseRev(rev: string): Rev | undefined {
  const [, pos, sig] = REV.exec(rev) ?? []
  return pos === undefined || sig === undefined ? undefined : { pos: Number(pos), sig }
}

/** The text form of a rev. */
export function formatRev(pos: number, sig: string): string {
  return `${pos}-${sig}`
}
