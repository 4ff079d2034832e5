/** A leaf of a document's rev tree, with the members of its body that choosing looks at. */
export interface Leaf {
  readonly _rev: string
  readonly _deleted?: boolean | undefined
  readonly updatedAt?: unknown
}

/**
 * The leaf that a row shows: among the living the one with the newest `updatedAt`, and among equals the one
 * that CouchDB would choose. Undefined when none is alive. What is no number is older than every number.
 */
export function chooseLeaf<L extends Leaf>(leaves: readonly L[]): L | undefined {
  let chosen: L | undefined
  for (const leaf of leaves) {
    if (leaf._deleted !== true && (chosen === undefined || comesBefore(leaf, chosen))) chosen = leaf
  }
  return chosen
}

function comesBefore(a: Leaf, b: Leaf): boolean {
  const timeOfA = timeOf(a)
  const timeOfB = timeOf(b)
  return timeOfA === timeOfB ? compareRevs(a._rev, b._rev) > 0 : timeOfA > timeOfB
}

/** `1e999` is read as infinity: a device with such a clock would win for ever. */
function timeOf(leaf: Leaf): number {
  return typeof leaf.updatedAt === 'number' && Number.isFinite(leaf.updatedAt) ? leaf.updatedAt : -Infinity
}

/** CouchDB's order of winning revs: the longer history, then the greater text. */
export function compareRevs(a: string, b: string): number {
  const byPos = Number.parseInt(a, 10) - Number.parseInt(b, 10)
  if (byPos !== 0) return byPos
  return a < b ? -1 : a > b ? 1 : 0
}
