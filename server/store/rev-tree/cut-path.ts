import type { Revisions } from '../store.ts'
import { formatRev } from './rev.ts'
import type { RevNodes } from './rev-node.ts'

/**
 * Ancestors of a path that are looked at, or as many as the revs limit if that is more. A path may not be cut at the limit itself: what
 * is known of it may be deeper, and a client that had made a thousand edits would be given a conflict with itself. But hundreds of
 * thousands of ids, which fit into one request, held up everybody's writes for seconds. Clients keep 1000 unless they are told otherwise.
 */
const MAX_PATH_IDS = 10_000

/** The part of a path that is looked at. */
export function cutPath(path: Revisions, limit: number): Revisions {
  return firstOf(path, Math.max(limit, MAX_PATH_IDS))
}

/**
 * The part of a path that can still be there after it was merged and stemmed. Unknown revisions beyond the oldest known one are only
 * reached through that, or from the path's newest if none is known; so as many as the limit are enough.
 */
export function reachOf(nodes: RevNodes, path: Revisions, limit: number): Revisions {
  if (path.ids.length <= limit) return path
  const oldestKnown = path.ids.findLastIndex((sig, depth) => nodes.has(formatRev(path.start - depth, sig)))
  return firstOf(path, oldestKnown + 1 + limit)
}

function firstOf({ start, ids }: Revisions, count: number): Revisions {
  return { start, ids: ids.length <= count ? ids : ids.slice(0, count) }
}
