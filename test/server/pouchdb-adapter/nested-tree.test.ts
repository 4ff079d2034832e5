import { collectConflicts, collectLeaves, winningRev } from 'pouchdb-merge'
import t from 'tap'
import { nestedTree } from '../../../server/pouchdb-adapter/nested-tree.ts'
import { divanPouch } from '../../fixtures/divan-pouch.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'
import { databaseOf, writeOne } from '../store/contract/subject.ts'
import { randomEdit } from '../store/random-edits.ts'

t.test('PouchDB finds the winner, the leaves, the conflicts and every path that the store knows', async t => {
  const random = seededRandom(t)
  const { store } = await divanPouch(t)
  await store.createDatabase('a')
  const database = databaseOf(store, 'a')
  for (let n = 0; n < rounds(300, 5000); n++) await writeOne(database, randomEdit(random, database))
  for (const { id } of database.changes({ after: 0, limit: 100 })) {
    const tree = database.doc(id)?.tree
    if (tree === undefined) continue
    const rev_tree = nestedTree(tree)
    const leaves = tree.leaves()
    t.equal(winningRev({ rev_tree }), tree.winner.rev)
    t.strictSame(
      collectLeaves(rev_tree)
        .map(({ rev, opts }) => ({ rev, deleted: opts.deleted === true }))
        .sort(byRev),
      leaves.map(({ rev, deleted }) => ({ rev, deleted })).sort(byRev),
    )
    t.strictSame(
      collectConflicts({ rev_tree }).sort(),
      leaves
        .filter((leaf, rank) => rank > 0 && !leaf.deleted)
        .map(({ rev }) => rev)
        .sort(),
    )
    for (const { rev } of leaves) t.strictSame(pathTo(rev, rev_tree), tree.revisions(rev)?.ids.map(String))
  }
})

const byRev = (a: { readonly rev: string }, b: { readonly rev: string }) => (a.rev < b.rev ? -1 : 1)

type Tree = ReturnType<typeof nestedTree>

/** The sigs from a leaf to its root. */
function pathTo(rev: string, tree: Tree): string[] | undefined {
  for (const { pos, ids } of tree) {
    const path = walk(ids, pos, rev)
    if (path !== undefined) return path
  }
  return undefined
}

function walk([sig, , children]: Tree[number]['ids'], pos: number, rev: string): string[] | undefined {
  if (children.length === 0) return `${pos}-${sig}` === rev ? [sig] : undefined
  for (const child of children) {
    const path = walk(child, pos + 1, rev)
    if (path !== undefined) return [...path, sig]
  }
  return undefined
}
