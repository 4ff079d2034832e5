import t from 'tap'
import { leafNodes } from '../../../../server/store/rev-tree/leaf-nodes.ts'
import { mergePath } from '../../../../server/store/rev-tree/merge-path.ts'
import { type RevNode, type RevNodes, revOf } from '../../../../server/store/rev-tree/rev-node.ts'
import { stem } from '../../../../server/store/rev-tree/stem.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { pathOf, randomHistory } from './random-history.ts'

t.test('a revision stays while a leaf is less than the limit away, and with it its parent', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < rounds(300, 20_000); round++) {
    const nodes: RevNodes = new Map()
    const revs = randomHistory(random, 1 + random.below(25))
    for (const [seq, rev] of revs.entries()) mergePath(nodes, pathOf(rev), { seq, deleted: rev.deleted })
    const limit = 1 + random.below(8)
    const before = new Map(nodes)
    const leaves = leafNodes(nodes)
    const expected = [...before.values()].filter(node => leaves.some(leaf => isWithin(leaf, node, limit)))
    const dropped = stem(nodes, limit)
    t.same([...nodes.keys()].sort(), expected.map(revOf).sort(), 'kept')
    const gone = [...before.values()].filter(node => !nodes.has(revOf(node)))
    t.same(dropped.sort(), gone.map(({ seq }) => seq).sort(), 'the bodies of those that went')
    t.same(leafNodes(nodes), leaves, 'the leaves are the same')
  }
})

function isWithin(leaf: RevNode, node: RevNode, limit: number): boolean {
  let at: RevNode | undefined = leaf
  for (let steps = 0; steps < limit && at !== undefined; steps++, at = at.parent) if (at === node) return true
  return false
}
