import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { backupDataFolder, restoreDataFolder } from '../../server/backup.ts'
import { collectGarbage } from '../fixtures/collect-garbage.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { type Mirror, mirror, type User } from '../fixtures/mirror.ts'
import { type Phone, phone } from '../fixtures/phone.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'
import { writers } from '../fixtures/writers.ts'

/** A phone of this user that lives online; the back-off is shortened so that the test is. */
async function phoneOnline(t: Test, program: Mirror, user: User): Promise<Phone> {
  const { server } = program
  const made = await phone(t, server.url, server.token(user.sub))
  const feed = made.local.sync(made.remote, { live: true, retry: true, back_off_function: () => 100 })
  t.teardown(() => feed.cancel())
  feed.on('denied', denied => t.fail(`denied: ${JSON.stringify(denied)}`))
  return made
}

async function put({ local }: Phone, count: number, members = {}): Promise<string[]> {
  const docs = Array.from({ length: count }, () => sessionDoc(members))
  await local.bulkDocs(docs)
  return docs.map(doc => doc._id)
}

async function rowsOf(user: User): Promise<string[]> {
  return (await user.rows('workout_sessions')).map(row => String(row.doc_id)).sort()
}

async function rowsAre(user: User, ids: readonly string[], what: string): Promise<void> {
  const wanted = ids.toSorted().join()
  await eventually(async () => (await rowsOf(user)).join() === wanted, what)
}

t.test(
  'after a restore a phone pushes again by itself what it pushed after the backup, and the mirror follows',
  async t => {
    const random = seededRandom(t)
    const program = await mirror(t)
    const { server } = program
    await program.bridge()
    const [withPhone, without, untouched] = [await program.user(), await program.user(), await program.user()]
    const online = await phoneOnline(t, program, withPhone)
    const before = await put(online, 5)
    const kept = [sessionDoc(), sessionDoc()]
    await without.write(...kept)
    await untouched.write(sessionDoc(), sessionDoc())
    await rowsAre(withPhone, before, 'the phone is online')

    const load = await writers(random, program, 3)
    await sleep(300)
    const backup = join(t.testdir(), 'backup.sqlite')
    const { databases } = await backupDataFolder(server.dataFolder, backup).done
    t.ok(databases >= 13, 'the databases of six users, and _users')

    const after = await put(online, 5)
    const edited = await online.local.get(before[0] ?? '')
    await online.local.put({ ...edited, targetReps: 77, updatedAt: Date.now() })
    const lost = [sessionDoc(), sessionDoc()]
    await without.write(
      ...lost,
      { _id: 'unknown:1' },
      { ...kept[0], _id: kept[0]?._id ?? '', targetReps: 99 },
    )
    const late = await program.user()
    await late.write(sessionDoc())
    await rowsAre(withPhone, [...before, ...after], 'what the phone pushed after the backup is mirrored')
    await rowsAre(
      without,
      [...kept, ...lost].map(doc => doc._id),
      'and what another device wrote',
    )
    await eventually(async () => (await rowsOf(late)).length === 1, 'and what a new user wrote')

    const closed = await phone(t, server.url, server.token(withPhone.sub))
    const fromClosed = await put(closed, 3)
    await closed.local.sync(closed.remote)
    await rowsAre(withPhone, [...before, ...after, ...fromClosed], 'and what a second phone pushed')
    await load.stop()

    await server.restart({}, async () => {
      await collectGarbage()
      await restoreDataFolder(server.dataFolder, backup).done
    })
    await eventually(
      async () => (await rowsOf(without)).length === kept.length && (await rowsOf(late)).length === 0,
      'the rows go of what nobody has any more',
    )
    // Its push waits for something new, and learns of the restore when it has something to tell.
    const next = await put(online, 1)
    const all = [...before, ...after, ...fromClosed, ...next]
    await rowsAre(withPhone, all, 'the rows come back of what a phone has')
    const rowOf = async (id = '') => (await withPhone.rows('workout_sessions')).find(row => row.doc_id === id)
    await eventually(async () => (await rowOf(before[0]))?.target_reps === 77, 'with the edit it had pushed')
    await compareWithFolds(t, program, [withPhone, without, untouched, ...load.users])

    await closed.local.sync(closed.remote)
    const last = await put(online, 1)
    await without.write(sessionDoc())
    await rowsAre(withPhone, [...all, ...last], 'sync and mirror go on')
    await compareWithFolds(t, program, [withPhone, without])
  },
)
