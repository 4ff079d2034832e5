import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { startBridge } from '../../bridge/bridge.ts'
import { eventually } from '../fixtures/eventually.ts'
import { type Phone, phone } from '../fixtures/phone.ts'
import { query } from '../fixtures/query.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** The whole program in one process: server, bridge and a Postgres of its own. */
async function program(t: Test) {
  const databaseUrl = await throwawayDatabase(t)
  const server = await runningServer(t)
  const bridge = await startBridge({ serverUrl: server.adminUrl, databaseUrl, logLevel: 'silent' })
  t.teardown(() => bridge.close())
  return { server, databaseUrl }
}

/** The rows of a user's sessions, by client id. */
async function sessions(databaseUrl: string, user: string) {
  const rows = await query(
    databaseUrl,
    `select client_id, exercise_name, target_reps, deleted_at, rev, updated_at
     from workout_sessions where user_id = $1 order by client_id`,
    [user],
  )
  return new Map(rows.map(row => [row.client_id as string, row]))
}

async function sync({ local, remote }: Phone): Promise<void> {
  await local.sync(remote)
}

/** Every document a phone holds, with its winning rev and conflicts. */
async function contents({ local }: Phone) {
  const { rows } = await local.allDocs({ include_docs: true, conflicts: true })
  return rows.map(row => row.doc)
}

t.test(
  'two phones edit and delete offline; both and the tables agree, and the conflict can be seen',
  async t => {
    const { server, databaseUrl } = await program(t)
    const user = randomUUID()
    const a = await phone(t, server.url, server.token(user))
    const b = await phone(t, server.url, server.token(user))

    const kept = sessionDoc({ exerciseName: 'Squat' })
    const edited = sessionDoc({ exerciseName: 'Row', updatedAt: 1_000 })
    const removed = sessionDoc({ exerciseName: 'Lunge' })
    await a.local.bulkDocs([kept, edited, removed])
    await sync(a)
    await sync(b)
    t.equal((await contents(b)).length, 3, 'the second phone has what the first one made')

    // Both are offline now. The branch with the older updatedAt is the longer one, so it wins in every PouchDB.
    const onA = await a.local.get(edited._id)
    await a.local.put({ ...onA, exerciseName: 'Row, at a', updatedAt: 2_000 })
    const again = await a.local.get(edited._id)
    await a.local.put({ ...again, targetReps: 12, updatedAt: 3_000 })
    const onB = await b.local.get(edited._id)
    await b.local.put({ ...onB, exerciseName: 'Row, at b', updatedAt: 9_000 })
    await b.local.remove(await b.local.get(removed._id))
    const added = sessionDoc({ exerciseName: 'Deadlift', deviceId: 'phone-b' })
    await b.local.put(added)

    await sync(a)
    await sync(b)
    await sync(a)
    t.same(await contents(a), await contents(b), 'both phones hold the same')
    const seen = await a.local.get(edited._id, { conflicts: true })
    t.equal(seen.exerciseName, 'Row, at a', 'the longer branch wins')
    t.equal(seen._conflicts?.length, 1, 'the other edit is a conflict the app can see')
    await t.rejects(a.local.get(removed._id), /missing/)

    const rows = await eventually(async () => {
      const rows = await sessions(databaseUrl, user)
      const isComplete = rows.has(added.clientId) && rows.get(removed.clientId)?.deleted_at !== null
      return isComplete ? rows : undefined
    }, 'the rows of both phones')
    t.equal(rows.size, 4)
    t.equal(rows.get(edited.clientId)?.exercise_name, 'Row, at b', 'the row shows the newest edit')
    t.equal(rows.get(edited.clientId)?.rev, seen._conflicts?.[0])
    t.equal(rows.get(removed.clientId)?.exercise_name, 'Lunge', 'a deleted document keeps its row')
    t.equal(rows.get(kept.clientId)?.deleted_at, null)

    t.test('another user sees nothing of it', async t => {
      const other = randomUUID()
      const stranger = await phone(t, server.url, server.token(other))
      await sync(stranger)
      t.equal((await contents(stranger)).length, 0)
      t.equal((await sessions(databaseUrl, other)).size, 0)
      const hex = Buffer.from(user).toString('hex')
      const answer = await fetch(`${server.url}/userdb-${hex}/${encodeURIComponent(kept._id)}`, {
        headers: { authorization: `Bearer ${server.token(other)}` },
      })
      t.equal(answer.status, 403)
    })

    t.test('resolving the conflict on a phone settles the row', async t => {
      const loser = seen._conflicts?.[0] ?? ''
      await a.local.put({ ...seen, _conflicts: undefined, targetReps: 15, updatedAt: 10_000 })
      await a.local.remove(edited._id, loser)
      await sync(a)
      const row = await eventually(async () => {
        const row = (await sessions(databaseUrl, user)).get(edited.clientId)
        return row?.target_reps === 15 ? row : undefined
      }, 'the row of the resolved conflict')
      t.equal(row.exercise_name, 'Row, at a')
    })
  },
)
