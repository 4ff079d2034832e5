import assert from 'node:assert'
import t from 'tap'
import { entities } from '../../design-docs/catalogue.ts'
import { keepsDeletedRows } from '../../design-docs/entity.ts'
import { type AnyDoc, entityDoc } from '../fixtures/entity-doc.ts'
import { bulkDocs, mirror } from '../fixtures/mirror.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** Deletions that carry members are edits with `_deleted`. */
function tombstone(doc: AnyDoc, members: { readonly [member: string]: unknown } = {}): AnyDoc {
  return { ...members, _id: doc._id, _deleted: true }
}

const program = await mirror(t)
const bridge = await program.bridge()

t.test(
  'a deleted document without a body keeps its row, which says when the server took the deletion',
  async t => {
    const user = await program.user()
    const doc = sessionDoc({ exerciseName: 'Row', updatedAt: 1000 })
    await user.write(doc)
    await user.mirrored()
    const before = Date.now()
    await user.remove(doc._id)
    await user.mirrored()
    const [row] = await user.rows('workout_sessions')
    t.match(row, { exercise_name: 'Row', updated_at: row?.deleted_at }, 'what it was can be read')
    assert(row?.deleted_at instanceof Date)
    t.ok(row.deleted_at.getTime() >= before - 1000 && row.deleted_at.getTime() <= Date.now())
    t.match(row.rev, /^2-/)
  },
)

t.test('a document that was deleted before the mirror ever saw it has a row all the same', async t => {
  const user = await program.user()
  const doc = sessionDoc({ exerciseName: 'Row' })
  await bridge.close()
  await user.write(doc)
  await user.remove(doc._id)
  await program.bridge()
  await user.mirrored()
  const [row] = await user.rows('workout_sessions')
  t.equal(row?.exercise_name, 'Row')
  t.ok(row?.deleted_at)
})

t.test('a tombstone that says when the document was deleted is believed', async t => {
  const user = await program.user()
  const [said, nonsense] = [sessionDoc(), sessionDoc()]
  await user.write(said, nonsense)
  await user.write(
    tombstone(said, { ...said, deletedAt: 5000 }),
    tombstone(nonsense, { deletedAt: 'yesterday' }),
  )
  await user.mirrored()
  const rows = new Map((await user.rows('workout_sessions')).map(row => [row.doc_id, row.deleted_at]))
  t.strictSame(rows.get(said._id), new Date(5000))
  t.match(rows.get(nonsense._id), Date, 'what is no time is not')
})

t.test('a document that was never alive here has no row', async t => {
  const user = await program.user()
  const { _id } = sessionDoc()
  const sig = 'a'.repeat(32)
  const born = { _rev: `1-${sig}`, _deleted: true, _revisions: { start: 1, ids: [sig] } }
  await user.replicate({ _id, ...born }, { ...sessionDoc({ deletedAt: 5 }), ...born })
  await user.mirrored()
  t.strictSame(await user.rows('workout_sessions'), [])
  t.strictSame(await program.sql('select * from divan.dead_letters'), [])
})

t.test('a document that is made again after its deletion is alive again', async t => {
  const user = await program.user()
  const doc = sessionDoc()
  await user.write(doc)
  await user.remove(doc._id)
  await user.mirrored()
  await user.write({ ...doc, exerciseName: 'Back' })
  await user.mirrored()
  const rows = await user.rows('workout_sessions')
  t.equal(rows.length, 1)
  t.match(rows[0], { exercise_name: 'Back', deleted_at: null })
})

t.test('of entities whose rows cannot say that they are deleted, the rows go', async t => {
  const random = seededRandom(t)
  const user = await program.user()
  const gone = entities.filter(entity => entity.database === 'main' && !keepsDeletedRows(entity))
  t.strictSame(
    gone.map(entity => entity.type),
    ['gamificationStats', 'device'],
  )
  for (const entity of gone) {
    const doc = entityDoc(random, entity)
    await user.write(doc)
    await user.mirrored()
    t.equal((await user.rows(entity.table)).length, 1)
    await user.remove(doc._id)
    await user.mirrored()
    t.strictSame(await user.rows(entity.table), [])
  }
})

t.test('deleting what was never a row is nothing to the mirror', async t => {
  const user = await program.user()
  const ids = ['unknown:1', 'session:not an id', 'metrics:in:the wrong database']
  await bulkDocs(
    program.request,
    user.database,
    ids.map(_id => ({ _id })),
  )
  await user.mirrored()
  t.equal((await program.sql('select * from divan.dead_letters')).length, ids.length)
  await user.remove(...ids)
  await user.mirrored()
  t.strictSame(await program.sql('select * from divan.dead_letters'), [], 'and closes their letters')
})

t.test('what a tombstone says of the document goes before what it was, as far as it is good', async t => {
  const user = await program.user()
  const [whole, partial, bad] = [sessionDoc(), sessionDoc(), sessionDoc()]
  await user.write(...[whole, partial, bad].map(doc => ({ ...doc, exerciseName: 'before' })))
  await user.write(
    tombstone(whole, { ...whole, exerciseName: 'after', deletedAt: 5000, updatedAt: 6000 }),
    tombstone(partial, { exerciseName: 'after' }),
    tombstone(bad, { exerciseName: 7 }),
  )
  await user.mirrored()
  const rows = new Map((await user.rows('workout_sessions')).map(row => [row.doc_id, row]))
  t.match(rows.get(whole._id), { exercise_name: 'after', updated_at: new Date(6000) })
  t.match(rows.get(partial._id), { exercise_name: 'after', deleted_at: Date })
  t.match(rows.get(bad._id), { exercise_name: 'before', deleted_at: Date })
})
