import t, { type Test } from 'tap'
import { type Grown, growTree, type Tree } from '../../../../server/store/rev-tree/grow-tree.ts'
import { leafNodes } from '../../../../server/store/rev-tree/leaf-nodes.ts'
import { mergePath } from '../../../../server/store/rev-tree/merge-path.ts'
import { packTree, unpackTree } from '../../../../server/store/rev-tree/packed-tree.ts'
import { formatRev } from '../../../../server/store/rev-tree/rev.ts'
import { type RevNodes, revOf } from '../../../../server/store/rev-tree/rev-node.ts'
import { stem } from '../../../../server/store/rev-tree/stem.ts'
import { StoredTree } from '../../../../server/store/rev-tree/stored-tree.ts'
import type { Revisions } from '../../../../server/store/store.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { type SeededRandom, seededRandom } from '../../../fixtures/seeded-random.ts'
import { type MadeRev, madeRev, pathOf, randomHistory, shuffled } from './random-history.ts'

const NO_LIMIT = 1000
const ROUNDS = rounds(300, 20_000)

type Arrival = { readonly path: Revisions; readonly seq: number; readonly deleted: boolean }

/** Every revision of a history arrives once, with all its ancestors or with only some. */
function arrivals(random: SeededRandom, revs: readonly MadeRev[]): Arrival[] {
  return revs.map((rev, seq) => ({
    path: pathOf(rev, random.chance(0.5) ? undefined : 1 + random.below(6)),
    seq,
    deleted: rev.deleted,
  }))
}

function growAll(list: readonly Arrival[], limit = NO_LIMIT): Tree | undefined {
  return list.reduce<Tree | undefined>((tree, { path, seq, deleted }) => {
    return growTree(tree, path, { seq, deleted }, limit) ?? tree
  }, undefined)
}

t.test('the order in which revisions arrive does not matter', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < ROUNDS; round++) {
    const list = arrivals(random, randomHistory(random, 1 + random.below(20)))
    const expected = growAll(list)
    const actual = growAll(shuffled(random, list))
    if (expected?.text !== actual?.text) t.same(actual, expected, `round ${round}`)
  }
})

t.test('no leaf is lost and none is added, and the winner is the first in winning order', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < ROUNDS; round++) {
    const revs = randomHistory(random, 1 + random.below(20))
    const tree = growAll(shuffled(random, arrivals(random, revs).map(withWholePath(revs))))
    const leaves = revs.filter(rev => !revs.some(({ parent }) => parent === rev)).sort(byWinning)
    const found = tree && new StoredTree(tree.text, tree).leaves()
    t.same(
      found,
      leaves.map(leaf => ({ rev: madeRev(leaf), deleted: leaf.deleted })),
      `round ${round}`,
    )
  }
})

function withWholePath(revs: readonly MadeRev[]) {
  return (arrival: Arrival, n: number): Arrival => {
    const rev = revs[n]
    return rev === undefined ? arrival : { ...arrival, path: pathOf(rev) }
  }
}

function byWinning(a: MadeRev, b: MadeRev): number {
  return Number(a.deleted) - Number(b.deleted) || b.pos - a.pos || (a.id < b.id ? 1 : -1)
}

t.test('the packed form is extended to what the tree would have become', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < ROUNDS; round++) {
    const limit = random.chance(0.5) ? NO_LIMIT : 1 + random.below(8)
    let tree: Tree | undefined
    for (const arrival of shuffled(random, arrivals(random, randomHistory(random, 1 + random.below(20))))) {
      const fast = growTree(tree, arrival.path, arrival, limit)
      const slow = growAsTree(tree, arrival, limit)
      if (fast === undefined) t.equal(slow.text, tree?.text, 'nothing new')
      else checkGrown(t, fast, slow)
      tree = fast ?? tree
    }
  }
})

function growAsTree(tree: Tree | undefined, { path, seq, deleted }: Arrival, limit: number) {
  const nodes: RevNodes = tree === undefined ? new Map() : unpackTree(tree.text)
  mergePath(nodes, path, { seq, deleted })
  const dropped = stem(nodes, limit)
  return { text: packTree(nodes), dropped, leaves: leafNodes(nodes) }
}

function checkGrown(t: Test, fast: Grown, slow: ReturnType<typeof growAsTree>): void {
  if (fast.text !== slow.text) t.equal(fast.text, slow.text, 'the same history')
  t.same([...fast.dropped].sort(), [...slow.dropped].sort(), 'the same bodies are dropped')
  const [winner] = slow.leaves
  t.equal(fast.rev, winner && revOf(winner), 'the same winner')
  t.equal(fast.body, winner?.seq)
  t.equal(fast.deleted, winner?.deleted)
  t.equal(fast.branched, slow.leaves.length > 1)
}

t.test('a revision that was known only by name gets its body', async t => {
  const first = growTree(undefined, { start: 2, ids: ['b', 'a'] }, { seq: 1, deleted: false }, NO_LIMIT)
  const second = growTree(first, { start: 1, ids: ['a'] }, { seq: 2, deleted: false }, NO_LIMIT)
  t.match(second, { text: '2-1;b:1,a:2', rev: '2-b', body: 1, stored: true })
  t.equal(growTree(second, { start: 1, ids: ['a'] }, { seq: 3, deleted: false }, NO_LIMIT), undefined)
})

t.test('ancestors that come later join what was apart', async t => {
  const apart = growAll([
    { path: { start: 2, ids: ['b', 'a'] }, seq: 1, deleted: false },
    { path: { start: 4, ids: ['d'] }, seq: 2, deleted: false },
  ])
  t.match(apart, { branched: true, text: '4-4;d:2|2-1;b:1,a' })
  const joined = growTree(apart, { start: 4, ids: ['d', 'c', 'b'] }, { seq: 3, deleted: false }, NO_LIMIT)
  t.match(joined, { branched: false, stored: false, text: '4-1;d:2,c,b:1,a', body: 2 })
})

t.test('a forged path that gives a rev other ancestors changes nothing and adds no leaf', async t => {
  const tree = growAll([{ path: { start: 3, ids: ['c', 'b', 'a'] }, seq: 1, deleted: false }])
  t.equal(growTree(tree, { start: 3, ids: ['c', 'x', 'y'] }, { seq: 2, deleted: false }, NO_LIMIT), undefined)
  const grown = growTree(tree, { start: 4, ids: ['d', 'c', 'x'] }, { seq: 2, deleted: false }, NO_LIMIT)
  t.equal(grown?.text, '4-1;d:2,c:1,b,a')
})

t.test('any text is a legal id', async t => {
  const ids = ['%', 'a,b;c:d!e|f^g', '-', '\u0000', '1-2', 'ü\ud83d\ude00', '%25', '']
  const tree = growTree(undefined, { start: ids.length, ids }, { seq: 1, deleted: false }, NO_LIMIT)
  const stored = tree && new StoredTree(tree.text, tree)
  t.same(stored?.revisions(formatRev(ids.length, '%')), { start: ids.length, ids })
  t.notMatch(tree?.text, '\u0000', 'no character that ends a text in SQL')
})
