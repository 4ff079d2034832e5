import { formatRev } from '../../../../server/store/rev-tree/rev.ts'
import type { Revisions } from '../../../../server/store/store.ts'
import type { SeededRandom } from '../../../fixtures/seeded-random.ts'

/** A revision of a made-up document, and its ancestors. */
export type MadeRev = {
  readonly pos: number
  readonly id: string
  readonly deleted: boolean
  readonly parent: MadeRev | undefined
}

/** A random rev tree: mostly one line, sometimes a branch, sometimes a second root. */
export function randomHistory(random: SeededRandom, size: number): MadeRev[] {
  const revs: MadeRev[] = []
  for (let n = 0; n < size; n++) {
    const newest = revs.at(-1)
    const parent = random.chance(0.05) ? undefined : random.chance(0.7) ? newest : revs[random.below(size)]
    const id = random.chance(0.05) ? `;,|^:!%${n}` : `${random.below(2 ** 31).toString(16)}-${n}`
    revs.push({ pos: (parent?.pos ?? 0) + 1, id, deleted: random.chance(0.2), parent })
  }
  return revs
}

/** A revision as a replicator sends it, with at most `depth` revs, newest first. */
export function pathOf(rev: MadeRev, depth = Number.POSITIVE_INFINITY): Revisions {
  const ids: string[] = []
  for (let at: MadeRev | undefined = rev; at !== undefined && ids.length < depth; at = at.parent)
    ids.push(at.id)
  return { start: rev.pos, ids }
}

/** A revision's rev. */
export function madeRev({ pos, id }: MadeRev): string {
  return formatRev(pos, id)
}

/** The same items in a random order. */
export function shuffled<T>(random: SeededRandom, items: readonly T[]): T[] {
  return items
    .map(item => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
