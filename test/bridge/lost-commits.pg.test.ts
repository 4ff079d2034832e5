import t from 'tap'
import { bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { killablePostgres } from '../fixtures/killable-postgres.ts'
import { mirror } from '../fixtures/mirror.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { rounds } from '../fixtures/rounds.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const postgres = await killablePostgres(t)
const program = await mirror(t, postgres.url)
const start = () => bridgeProcess(t, program.server.adminUrl, postgres.url, 'error')
let bridge = start()
await bridge.ready
const users = await Promise.all([program.user(), program.user()])
const [user] = users

/** What readers see of a database: the rows, up to where it is mirrored, and whether something is left to do. */
async function seen() {
  const [row] = await program.sql(
    `select (select json_agg(json_build_array(doc_id, rev) order by doc_id) from workout_sessions where user_id = $1) as rows,
            (select cursor from divan.checkpoints where database = $2) as cursor,
            exists (select from divan.dirty_databases where database = $2) as is_dirty`,
    [user.sub, user.database],
  )
  return row
}

async function untilClean() {
  await eventually(
    async () => (await program.sql('select from divan.dirty_databases')).length === 0,
    'all is mirrored',
  )
}

t.test('batches that a power cut takes from Postgres are applied again', async t => {
  const [kept, edited, removed] = [sessionDoc(), sessionDoc(), sessionDoc()]
  await user.write(kept, edited, removed, sessionDoc({ mode: 7 }))
  await untilClean()
  // A checkpoint of Postgres, so that what comes before is certainly on the disk.
  await program.sql('checkpoint')
  const before = await seen()

  await postgres.holdLazyCommits()
  await program.request('POST', `${user.database}/_bulk_docs`, { docs: [sessionDoc()] })
  await user.write({ ...edited, targetReps: 99 }, sessionDoc({ mode: 7 }))
  await user.remove(removed._id)
  await untilClean()
  const committed = await seen()
  t.notSame(committed?.rows, before?.rows, 'readers saw the rows')
  t.equal(committed?.is_dirty, false)
  await bridge.kill()
  await postgres.cutPower()

  await postgres.start()
  const after = await seen()
  t.equal(after?.is_dirty, true, 'the mark waited for the disk, and is there again')
  t.notSame(after?.cursor, committed?.cursor, 'the last batch is lost')
  bridge = start()
  await user.mirrored()
  await untilClean()
  t.strictSame(await seen(), committed, 'and done again')
  await compareWithFolds(t, program, users)
})

t.test('a bridge that lives on does so by itself, however often it happens', async t => {
  const random = seededRandom(t)
  const edits = users.map(each => new RandomEdits(random, program, each))
  let lost = 0
  for (let round = 0; round < rounds(2, 30); round++) {
    for (const edit of edits) await edit.write(40)
    if (random.chance(0.5)) await untilClean()
    await postgres.holdLazyCommits()
    for (const edit of edits) await edit.write(40)
    await untilClean()
    await postgres.cutPower()
    await postgres.start()
    const [row] = await program.sql('select count(*)::int as dirty from divan.dirty_databases')
    lost += Number(row?.dirty)
    for (const each of users) await each.mirrored(40_000)
  }
  await compareWithFolds(t, program, users)
  t.comment(`${lost} databases had lost their last batch, and were not done again yet when it was looked`)
})
