import t from 'tap'
import { dropBodies, innerBodies } from '../../../../server/store/rev-tree/drop-bodies.ts'
import { leafNodes } from '../../../../server/store/rev-tree/leaf-nodes.ts'
import { mergePath } from '../../../../server/store/rev-tree/merge-path.ts'
import { packTree, unpackTree } from '../../../../server/store/rev-tree/packed-tree.ts'
import { type RevNodes, revOf } from '../../../../server/store/rev-tree/rev-node.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { pathOf, randomHistory } from './random-history.ts'

t.test('in a history with branches only the tips keep their bodies', async t => {
  const text = '4-1;d:7,c!5,,a:1|3-3;x!6|2-2;y:9^a'
  t.same(innerBodies(text), [5, 1])
  t.equal(dropBodies(text, new Set([5, 1, 7, 6])), '4-1;d:7,c,,a|3-3;x!6|2-2;y:9^a')
  t.equal(dropBodies(text, new Set([5])), '4-1;d:7,c,,a:1|3-3;x!6|2-2;y:9^a')
})

t.test('a history of one revision has nothing to drop', async t => {
  t.same(innerBodies('1-1;a:1'), [])
  t.equal(dropBodies('1-1;a:1', new Set([1])), '1-1;a:1')
})

t.test(
  'whatever is dropped, the same revisions are known, the leaves are the same, and so is the text form',
  async t => {
    const random = seededRandom(t)
    for (let round = 0; round < rounds(300, 5000); round++) {
      const nodes: RevNodes = new Map()
      for (const [n, rev] of randomHistory(random, 1 + random.below(25)).entries()) {
        const depth = random.chance(0.3) ? 1 + random.below(4) : undefined
        mergePath(nodes, pathOf(rev, depth), { seq: n + 1, deleted: rev.deleted })
      }
      const text = packTree(nodes)
      const leaves = leafNodes(nodes)
      const inner = [...nodes.values()].filter(node => !leaves.includes(node) && node.seq !== undefined)
      t.same(innerBodies(text).sort(), inner.map(({ seq }) => seq).sort(), 'all bodies but those of leaves')

      const dropped = new Set(innerBodies(text).filter(() => random.chance(0.7)))
      for (const node of inner) {
        if (!dropped.has(node.seq ?? 0)) continue
        node.seq = undefined
        node.deleted = false
      }
      const shorter = dropBodies(text, dropped)
      t.equal(shorter, packTree(nodes), 'as if the tree had been packed without them')
      t.same([...unpackTree(shorter).keys()].sort(), [...nodes.keys()].sort(), 'the same revisions')
      t.same(leafNodes(unpackTree(shorter)).map(revOf), leaves.map(revOf), 'the same leaves')
    }
  },
)
