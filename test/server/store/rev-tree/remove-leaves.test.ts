import t from 'tap'
import { leafNodes } from '../../../../server/store/rev-tree/leaf-nodes.ts'
import { mergePath } from '../../../../server/store/rev-tree/merge-path.ts'
import { packTree, unpackTree } from '../../../../server/store/rev-tree/packed-tree.ts'
import { removeLeaves } from '../../../../server/store/rev-tree/remove-leaves.ts'
import { pathFrom, type RevNodes, revOf } from '../../../../server/store/rev-tree/rev-node.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { type MadeRev, madeRev, pathOf, randomHistory } from './random-history.ts'

t.test('a branch goes up to where it parted; what is no leaf or not known is passed over', async t => {
  const nodes = unpackTree('4-1;d:4,c:3,b:2,a:1|3-3;x!6^b')
  t.same(removeLeaves(nodes, ['3-c', '9-z']), { revs: [], bodies: [] })
  t.same(removeLeaves(nodes, ['4-d', '3-c', '4-d']), { revs: ['4-d'], bodies: [4, 3] })
  t.equal(packTree(nodes), '3-1;x!6,b:2,a:1')
  t.same(removeLeaves(nodes, ['3-x']), { revs: ['3-x'], bodies: [2, 1, 6] })
  t.equal(nodes.size, 0)
})

t.test('a history without some leaves is one that never had them', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < rounds(300, 5000); round++) {
    const revs = randomHistory(random, 1 + random.below(25))
    const nodes = historyOf(revs, () => true)
    const leaves = leafNodes(nodes)
    const named = leaves.filter(() => random.chance(0.5)).map(revOf)
    const stays = new Set(
      leaves.filter(leaf => !named.includes(revOf(leaf))).flatMap(leaf => Array.from(pathFrom(leaf), revOf)),
    )
    const before = [...nodes.values()]
    const removed = removeLeaves(nodes, named)
    t.same(removed.revs, named)
    t.equal(packTree(nodes), packTree(historyOf(revs, rev => stays.has(rev))))
    const gone = before.filter(node => !stays.has(revOf(node))).map(({ seq }) => seq)
    t.same([...removed.bodies].sort(), gone.sort())
  }
})

function historyOf(revs: readonly MadeRev[], isWanted: (rev: string) => boolean): RevNodes {
  const nodes: RevNodes = new Map()
  for (const [seq, rev] of revs.entries()) {
    if (isWanted(madeRev(rev))) mergePath(nodes, pathOf(rev), { seq, deleted: rev.deleted })
  }
  return nodes
}
