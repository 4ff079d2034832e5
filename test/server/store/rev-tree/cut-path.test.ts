import t from 'tap'
import { cutPath, reachOf } from '../../../../server/store/rev-tree/cut-path.ts'
import { growTree } from '../../../../server/store/rev-tree/grow-tree.ts'
import { unpackTree } from '../../../../server/store/rev-tree/packed-tree.ts'

const LIMIT = 1000
/** A path of so many revisions down to the first one; their sigs are their positions. */
const pathTo = (pos: number, newest = `${pos}`) => ({
  start: pos,
  ids: [newest, ...Array.from({ length: pos - 1 }, (_, depth) => `${pos - 1 - depth}`)],
})

t.test('ids beyond ten thousand are passed over, unless the revs limit is higher', async t => {
  const path = pathTo(50_000)
  t.same(cutPath(path, LIMIT), { start: 50_000, ids: path.ids.slice(0, 10_000) })
  t.equal(cutPath(path, 20_000).ids.length, 20_000)
  t.same(cutPath(pathTo(5), 2), pathTo(5))
})

t.test('a known ancestor that is deeper than the revs limit joins', async t => {
  const tree = growTree(undefined, pathTo(3), { seq: 1, deleted: false }, LIMIT)
  const grown = growTree(tree, cutPath(pathTo(5000), LIMIT), { seq: 2, deleted: false }, LIMIT)
  t.match(grown, { rev: '5000-5000', branched: false, dropped: [1] })
})

t.test('of hundreds of thousands of unknown ids no more become nodes than stemming leaves', async t => {
  const tree = growTree(undefined, { start: 1, ids: ['other'] }, { seq: 1, deleted: false }, LIMIT)
  const path = pathTo(400_000)
  t.equal(reachOf(unpackTree(tree?.text ?? ''), path, LIMIT).ids.length, LIMIT)
  const start = performance.now()
  const grown = growTree(tree, cutPath(path, LIMIT), { seq: 2, deleted: false }, LIMIT)
  t.comment(`it took ${Math.round(performance.now() - start)} ms`)
  t.match(grown, { rev: '400000-400000', branched: true, dropped: [] })
  t.ok((grown?.text.length ?? 0) < 10_000)
  const deepest = growTree(
    tree,
    { start: 10_000, ids: [...pathTo(10_000).ids.slice(0, -1), 'other'] },
    { seq: 2, deleted: false },
    LIMIT,
  )
  t.match(deepest, { branched: false })
})
