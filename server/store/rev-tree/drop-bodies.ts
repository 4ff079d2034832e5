/**
 * Bodies and the packed text of a history (packed-tree.ts). A run begins with its leaf, so what stands behind a comma is no leaf: these
 * functions read and write the text as it is, also of a history with thousands of revisions or with branches.
 */
const INNER_BODY = /,([^,:!|^]*)[:!](\d+)/g

/** The numbers of the bodies of all revisions that are no leaf. */
export function innerBodies(text: string): number[] {
  return Array.from(text.matchAll(INNER_BODY), ([, , seq]) => Number(seq))
}

/** The same history, in which revisions that are no leaf and have one of these bodies are known by name only. */
export function dropBodies(text: string, bodies: ReadonlySet<number>): string {
  if (bodies.size === 0) return text
  return text.replace(INNER_BODY, (node: string, sig: string, seq: string) =>
    bodies.has(Number(seq)) ? `,${sig}` : node,
  )
}
