import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startBridge } from '../../bridge/bridge.ts'
import { eventually } from '../fixtures/eventually.ts'
import { type Phone, phone } from '../fixtures/phone.ts'
import { query } from '../fixtures/query.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { serverProcess } from '../fixtures/server-process.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const KILLS = 3
const DOCS_BETWEEN_KILLS = 15

/** Live sync as an app has it; the back-off is shortened so that the test is. */
function goOnline({ local, remote }: Phone) {
  return local.sync(remote, { live: true, retry: true, back_off_function: () => 200 })
}

t.test('a phone that live-syncs goes on by itself when the server is killed and started again', async t => {
  const random = seededRandom(t)
  const databaseUrl = await throwawayDatabase(t)
  const server = await serverProcess(t)
  const bridge = await startBridge({ serverUrl: server.adminUrl, databaseUrl, logLevel: 'silent' })
  t.teardown(() => bridge.close())

  const user = randomUUID()
  const writer = await phone(t, server.url, server.token(user))
  const reader = await phone(t, server.url, server.token(user))
  const feeds = [goOnline(writer), goOnline(reader)]
  t.teardown(() => feeds.map(feed => feed.cancel()))
  for (const feed of feeds) {
    feed.on('denied', denied => t.fail(`denied: ${JSON.stringify(denied)}`))
    feed.on('error', error => t.fail(`live sync ended: ${String(error)}`))
  }

  // PouchDB retries what it has begun; that the very first request of a sync fails is the app's to handle.
  const first = sessionDoc({ targetReps: 0 })
  await writer.local.put(first)
  await eventually(() => reader.local.get(first._id), 'both phones are online')

  const written = [first._id]
  for (let round = 0; round < KILLS; round++) {
    const killAt = random.below(DOCS_BETWEEN_KILLS)
    let killed = Promise.resolve()
    for (let i = 0; i < DOCS_BETWEEN_KILLS; i++) {
      const doc = sessionDoc({ targetReps: written.length })
      await writer.local.put(doc)
      written.push(doc._id)
      if (i === killAt) killed = server.kill()
      await sleep(random.below(30))
    }
    await killed
    await server.start()
  }

  const ids = written.toSorted()
  const idsOf = async ({ local }: Phone) => (await local.allDocs()).rows.map(row => row.id)
  await eventually(async () => (await idsOf(reader)).length >= ids.length, 'the other phone has everything')
  t.same(await idsOf(reader), ids, 'nothing is lost on the way to the other phone')
  const { rows } = await reader.remote.allDocs({ include_docs: true, conflicts: true })
  t.same(
    rows.map(row => row.id),
    ids,
    'the server has every document once',
  )
  t.ok(
    rows.every(row => row.value?.rev.startsWith('1-') && row.doc?._conflicts === undefined),
    'no document was doubled into a second revision',
  )

  const mirrored = await eventually(async () => {
    const rows = await query(databaseUrl, 'select doc_id from workout_sessions order by target_reps')
    return rows.length >= ids.length ? rows : undefined
  }, 'the rows are there')
  t.same(
    mirrored.map(row => row.doc_id),
    written,
    'every document is one row',
  )
})
