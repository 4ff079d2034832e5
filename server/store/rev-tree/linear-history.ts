import assert from 'node:assert/strict'
import type { NewLeaf } from './merge-path.ts'
import { packNode } from './packed-tree.ts'

/** The newest and the oldest known generation of a history that has one run. */
export type Span = { readonly newest: number; readonly oldest: number }

/** Reads the head of a packed run and nothing more. */
export function spanOf(text: string): Span {
  const dash = text.indexOf('-')
  return { newest: Number.parseInt(text, 10), oldest: Number.parseInt(text.slice(dash + 1, dash + 17), 10) }
}

/** The text of a history that begins with this path, newest first; only the newest revision has a body. */
export function startHistory(start: number, sigs: readonly string[], leaf: NewLeaf): string {
  return `${start}-${start - sigs.length + 1};${packPath(sigs, leaf)}`
}

/** What extending gave, and the sequence numbers whose bodies are of no use any more. */
export type Extended = { readonly text: string; readonly dropped: readonly number[] }

/**
 * Puts new revisions, newest first, on top of the only leaf of a packed history, without building a tree: the text
 * of what is there stays as it is. Revisions beyond the limit are cut off at its end.
 */
export function extendHistory(text: string, sigs: readonly string[], leaf: NewLeaf, limit: number): Extended {
  const { newest, oldest } = spanOf(text)
  assert(sigs.length > 0 && sigs.length < limit, 'a history is extended by less than the limit')
  const grown = newest + sigs.length
  const first = Math.max(oldest, grown - limit + 1)
  const known = text.slice(text.indexOf(';') + 1)
  const cut = cutOldest(known, first - oldest)
  return { text: `${grown}-${first};${packPath(sigs, leaf)},${cut.list}`, dropped: cut.dropped }
}

function packPath(sigs: readonly string[], leaf: NewLeaf): string {
  const missing = { seq: undefined, deleted: false }
  return sigs.map((sig, depth) => packNode(sig, depth === 0 ? leaf : missing)).join(',')
}

function cutOldest(list: string, count: number): { list: string; dropped: number[] } {
  let end = list.length
  for (let n = 0; n < count; n++) end = list.lastIndexOf(',', end - 1)
  const dropped: number[] = []
  for (const node of list.slice(end + 1).split(',')) {
    const seq = /[:!](\d+)$/.exec(node)?.[1]
    if (seq !== undefined) dropped.push(Number(seq))
  }
  return { list: list.slice(0, end), dropped: count === 0 ? [] : dropped }
}
