import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openStore } from '../../../server/store/sqlite/open-store.ts'
import type { Store } from '../../../server/store/store.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { newSeed, randomOf } from '../../fixtures/seeded-random.ts'
import { compareHistory, compareTwins } from './differential/compare-twins.ts'
import { type Operation, RandomOperations } from './differential/random-operation.ts'
import { type Quirk, Twins } from './differential/twins.ts'
import { checkFile } from './sqlite/check-file.ts'

/** Fresh databases, and operations on each. */
const PARTS = rounds(15, 500)
const OPERATIONS = 100
/** An operation that takes longer hangs. */
const OPERATION_MS = 20_000
/** Most databases forget nothing, some forget soon. */
const REVS_LIMITS = [1000, 1000, 20, 8, 4, 2, 1] as const
/** What PouchDB is known to do wrong may be left out up to this share of the operations. */
const MOST_LEFT_OUT = {
  'takes an unknown parent': 0.02,
  'learns nothing of a known rev': 0.03,
  'drops the last live body': 0.05,
  'tears a history': 0.08,
} as const

t.test('random operations lead to the same here and in PouchDB on LevelDB', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'divan-against-pouchdb-'))
  const file = `${folder}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  t.teardown(async () => {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  })
  const leftOut = new Map<Quirk, number>()
  for (let part = 0; part < PARTS; part++) {
    const seed = newSeed()
    const twins = await runPart(store, folder, seed).catch((error: Error) => error)
    if (twins instanceof Error) {
      t.error(twins, `DIVAN_TEST_SEED=${seed}`)
      return
    }
    for (const [quirk, count] of twins.quirks) leftOut.set(quirk, (leftOut.get(quirk) ?? 0) + count)
  }
  t.comment(`${PARTS * OPERATIONS} operations`, Object.fromEntries(leftOut))
  for (const [quirk, share] of Object.entries(MOST_LEFT_OUT)) {
    const count = leftOut.get(quirk as Quirk) ?? 0
    t.ok(count <= share * PARTS * OPERATIONS, `PouchDB ${quirk}: ${count} times`)
  }
  t.same(await checkFile(file), [])
})

/** Applies random operations to a new database on either side, and compares the document after each, everything now and then. */
async function runPart(store: Store, folder: string, seed: number): Promise<Twins> {
  const random = randomOf(seed)
  const twins = await Twins.open(store, folder, random.pick(REVS_LIMITS))
  const operations = new RandomOperations(random, twins.database, id => twins.torn.has(id))
  try {
    for (let n = 0; n < OPERATIONS; n++) await step(twins, operations.next(), n)
    await compareTwins(twins)
    return twins
  } finally {
    await twins.close()
  }
}

async function step(twins: Twins, operation: Operation, n: number): Promise<void> {
  const id = 'edits' in operation ? operation.edits[0]?.id : undefined
  try {
    await endsInTime(twins.apply(operation))
    if (id !== undefined) await compareHistory(twins, id)
  } catch (cause) {
    // In a list, PouchDB may have torn the history before the edit that went wrong.
    if (id !== undefined && (await twins.tears(id))) return
    const what = JSON.stringify(operation)
    throw new Error(`operation ${n}, revs limit ${twins.limit}, ${what}: ${(cause as Error).message}`, {
      cause,
    })
  }
}

async function endsInTime(applied: Promise<void>): Promise<void> {
  const timer = new AbortController()
  const late = sleep(OPERATION_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error('it does not end')
  })
  await Promise.race([applied, late]).finally(() => timer.abort())
}
