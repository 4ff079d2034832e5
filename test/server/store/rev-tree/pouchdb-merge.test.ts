import {
  collectConflicts,
  collectLeaves,
  merge,
  type PouchNode,
  type PouchTree,
  winningRev,
} from 'pouchdb-merge'
import t from 'tap'
import { growTree, type Tree } from '../../../../server/store/rev-tree/grow-tree.ts'
import { StoredTree } from '../../../../server/store/rev-tree/stored-tree.ts'
import type { Revisions } from '../../../../server/store/store.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { seededRandom } from '../../../fixtures/seeded-random.ts'
import { pathOf, randomHistory, shuffled } from './random-history.ts'

const LIMIT = 1000
const ROUNDS = rounds(300, 10_000)

t.test('winner, leaves and conflicts are those of pouchdb-merge', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < ROUNDS; round++) {
    let pouch: PouchTree = []
    let ours: Tree | undefined
    for (const [seq, rev] of shuffled(random, randomHistory(random, 1 + random.below(20))).entries()) {
      const { deleted } = rev
      pouch = merge(pouch, pouchPath(pathOf(rev), deleted), LIMIT).tree
      ours = growTree(ours, pathOf(rev), { seq, deleted }, LIMIT) ?? ours
    }
    const leaves = ours === undefined ? [] : new StoredTree(ours.text, ours).leaves()
    t.equal(ours?.rev, winningRev({ rev_tree: pouch }))
    t.same(leaves.map(({ rev }) => rev).sort(), revsOf(pouch).sort())
    const conflicts = leaves.filter(({ rev, deleted }) => !deleted && rev !== ours?.rev)
    t.same(conflicts.map(({ rev }) => rev).sort(), collectConflicts({ rev_tree: pouch }).sort())
  }
})

t.test('why pouchdb-merge is the oracle and not the implementation', async t => {
  await t.test('a path that joins two histories makes it count a leaf twice', async t => {
    const paths = [
      { start: 2, ids: ['b', 'a'] },
      { start: 5, ids: ['e'] },
      { start: 5, ids: ['e', 'd', 'c', 'b'] },
    ]
    t.same(revsOf(mergeAll(paths, LIMIT)), ['5-e', '5-e'])
    t.same(growAll(paths, LIMIT), ['5-e'])
  })

  await t.test('stemming tears branches of different length apart and doubles what they share', async t => {
    const paths = [
      { start: 6, ids: ['f', 'e', 'd', 'c', 'b', 'a'] },
      { start: 5, ids: ['x', 'd', 'c', 'b', 'a'] },
    ]
    const roots = mergeAll(paths, 4).map(({ pos, ids }) => `${pos}-${ids[0]}`)
    t.same(roots, ['2-b', '3-c'], 'both with 3-c and 4-d in them')
    const tree = paths.reduce<Tree | undefined>(
      (tree, path, seq) => growTree(tree, path, { seq, deleted: false }, 4) ?? tree,
      undefined,
    )
    t.equal(tree?.text, '6-2;f:0,e,d,c,b|5-5;x:1^d', 'one tree, as CouchDB has it')
  })
})

function mergeAll(paths: readonly Revisions[], limit: number): PouchTree {
  return paths.reduce<PouchTree>((tree, path) => merge(tree, pouchPath(path, false), limit).tree, [])
}

function growAll(paths: readonly Revisions[], limit: number): readonly string[] {
  const tree = paths.reduce<Tree | undefined>(
    (tree, path, seq) => growTree(tree, path, { seq, deleted: false }, limit) ?? tree,
    undefined,
  )
  return tree === undefined ? [] : new StoredTree(tree.text, tree).leaves().map(({ rev }) => rev)
}

function revsOf(tree: PouchTree): string[] {
  return collectLeaves(tree).map(({ rev }) => rev)
}

function pouchPath({ start, ids }: Revisions, deleted: boolean): PouchTree[number] {
  const [newest = '', ...ancestors] = ids
  const leaf: PouchNode = [newest, { status: 'available', ...(deleted ? { deleted } : {}) }, []]
  const root = ancestors.reduce<PouchNode>((child, id) => [id, { status: 'missing' }, [child]], leaf)
  return { pos: start - ancestors.length, ids: root }
}
