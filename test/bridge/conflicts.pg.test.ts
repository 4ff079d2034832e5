import t from 'tap'
import type { AnyDoc } from '../fixtures/entity-doc.ts'
import { mirror } from '../fixtures/mirror.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** A leaf of a document's rev tree: `path` is its rev ids from the first to the last. */
function leaf(doc: AnyDoc, path: readonly string[], members: { readonly [member: string]: unknown }): AnyDoc {
  const ids = path.map(letter => letter.repeat(32)).reverse()
  return { ...doc, ...members, _rev: `${ids.length}-${ids[0]}`, _revisions: { start: ids.length, ids } }
}

type Case = {
  readonly name: string
  readonly leaves: (doc: AnyDoc) => readonly AnyDoc[]
  readonly shown: string
}

const cases: readonly Case[] = [
  {
    name: 'the newest updatedAt is shown, though another leaf wins',
    leaves: doc => [
      leaf(doc, ['a', 'b', 'c'], { exerciseName: 'long', updatedAt: 1000 }),
      leaf(doc, ['a', 'd'], { exerciseName: 'new', updatedAt: 2000 }),
    ],
    shown: 'new',
  },
  {
    name: 'of equal times the winner is shown',
    leaves: doc => [
      leaf(doc, ['a', 'b'], { exerciseName: 'low', updatedAt: 1000 }),
      leaf(doc, ['a', 'c'], { exerciseName: 'high', updatedAt: 1000 }),
    ],
    shown: 'high',
  },
  {
    name: 'a deleted leaf is not shown, however new',
    leaves: doc => [
      leaf(doc, ['a', 'b'], { exerciseName: 'alive', updatedAt: 1000 }),
      leaf(doc, ['a', 'c', 'd'], { _deleted: true, exerciseName: 'dead', updatedAt: 9000 }),
    ],
    shown: 'alive',
  },
  {
    name: 'a leaf whose updatedAt is no time is older than all others',
    leaves: doc => [
      leaf(doc, ['a', 'b', 'c'], { exerciseName: 'nonsense', updatedAt: 'now' }),
      leaf(doc, ['a', 'd'], { exerciseName: 'sane', updatedAt: 1 }),
    ],
    shown: 'sane',
  },
  {
    name: 'of many leaves one is shown',
    leaves: doc =>
      ['b', 'c', 'd', 'e', 'f'].map((id, index) =>
        leaf(doc, ['a', id], { exerciseName: id, updatedAt: [5, 3, 9, 1, 7][index] }),
      ),
    shown: 'd',
  },
]

const program = await mirror(t)
// One user's leaves are all there when the bridge starts, the other's come one by one.
const late = await program.user()
const docs = new Map(cases.map(({ name }) => [name, sessionDoc()]))
for (const { name, leaves } of cases) await late.replicate(...leaves(docs.get(name) ?? sessionDoc()))
await program.bridge()

for (const { name, leaves, shown } of cases) {
  t.test(`conflict: ${name}`, async t => {
    const early = await program.user()
    const doc = docs.get(name) ?? sessionDoc()
    for (const one of leaves(doc)) {
      await early.replicate(one)
      await early.mirrored()
    }
    await late.mirrored()
    for (const user of [early, late]) {
      const rows = (await user.rows('workout_sessions')).filter(row => row.doc_id === doc._id)
      t.strictSame(
        rows.map(row => [row.exercise_name, row.deleted_at]),
        [[shown, null]],
      )
    }
    t.strictSame(await program.sql('select * from divan.dead_letters'), [])
  })
}

t.test('conflict: when the leaf that was shown is deleted, the other one is shown', async t => {
  const user = await program.user()
  const doc = sessionDoc()
  await user.replicate(
    leaf(doc, ['a', 'b'], { exerciseName: 'old', updatedAt: 1000 }),
    leaf(doc, ['a', 'c'], { exerciseName: 'new', updatedAt: 2000 }),
  )
  await user.mirrored()
  t.equal((await user.rows('workout_sessions'))[0]?.exercise_name, 'new')
  await user.replicate(leaf(doc, ['a', 'c', 'd'], { _deleted: true }))
  await user.mirrored()
  t.match((await user.rows('workout_sessions'))[0], { exercise_name: 'old', deleted_at: null })
  await user.replicate(leaf(doc, ['a', 'b', 'e'], { _deleted: true }))
  await user.mirrored()
  const rows = await user.rows('workout_sessions')
  t.ok(rows[0]?.deleted_at, 'when all are deleted the document is')
  t.equal(rows.length, 1)
})
