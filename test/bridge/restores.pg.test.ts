import { fail } from 'node:assert'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { entities } from '../../design-docs/catalogue.ts'
import { entityDoc } from '../fixtures/entity-doc.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { bulkDocs, type Mirror, mirror, type User } from '../fixtures/mirror.ts'
import { RandomEdits } from '../fixtures/random-edits.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'

/** Somebody who reads a user's rows in a loop, of two tables in one statement, and notes each set that he has seen. */
async function reader(databaseUrl: string, user: User): Promise<{ stop(): Promise<string[]> }> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const seen = new Set<string>()
  const stopped = new AbortController()
  const reading = (async () => {
    while (!stopped.signal.aborted) {
      const { rows } = await client.query(
        `select (select string_agg(doc_id, ',' order by doc_id) from workout_sessions where user_id = $1) as sessions,
                (select string_agg(doc_id, ',' order by doc_id) from earned_badges where user_id = $1) as badges`,
        [user.sub],
      )
      seen.add(digestOf(rows[0]))
      await sleep(1)
    }
    await client.end()
  })()
  return {
    async stop() {
      stopped.abort()
      await reading
      return [...seen]
    },
  }
}

function digestOf(set: unknown): string {
  return createHash('sha256').update(JSON.stringify(set)).digest('hex')
}

function idsOf(docs: readonly { readonly _id: string }[]): string {
  return docs
    .map(doc => doc._id)
    .sort()
    .join()
}

t.test('who reads while a database is made anew sees all of the old rows or all of the new ones', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  const first = await program.bridge()
  const user = await program.user()
  const badge = () => entityDoc(random, entities.find(({ type }) => type === 'badge') ?? fail())
  // More than a page, so that it takes several batches.
  const [old, oldBadge] = [Array.from({ length: 1100 }, () => sessionDoc()), badge()]
  await user.write(...old, oldBadge)
  await user.mirrored()
  await first.close()
  await program.request('DELETE', user.database)
  await program.request('PUT', user.database)
  const fresh = [...old.slice(0, 500), ...Array.from({ length: 600 }, () => sessionDoc())]
  const newBadge = badge()
  await user.write(...fresh, newBadge)
  const reading = await reader(program.databaseUrl, user)
  await program.bridge()
  await user.mirrored()
  await sleep(50)
  t.strictSame(await reading.stop(), [
    digestOf({ sessions: idsOf(old), badges: oldBadge._id }),
    digestOf({ sessions: idsOf(fresh), badges: newBadge._id }),
  ])
})

/** The server's data folder as it was a moment ago, copied as it lies there. */
async function copyOf(t: Test, folder: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'divan-copy-'))
  t.teardown(() => rm(copy, { recursive: true, force: true }))
  await cp(folder, copy, { recursive: true })
  return copy
}

async function putBack(folder: string, copy: string): Promise<void> {
  await rm(folder, { recursive: true })
  await cp(copy, folder, { recursive: true })
}

for (const lives of [true, false]) {
  t.test(
    `a data folder that is copied back in time while the bridge ${lives ? 'lives' : 'is down'}`,
    async t => {
      const random = seededRandom(t)
      const program = await mirror(t)
      const { server } = program
      const bridge = await program.bridge()
      const users = await Promise.all(Array.from({ length: 2 }, () => program.user()))
      const edits = users.map(user => new RandomEdits(random, program, user))
      const write = () => Promise.all(edits.map(edit => edit.write(25)))
      await write()
      let copy = ''
      await server.restart({}, async () => {
        copy = await copyOf(t, server.dataFolder)
      })
      await write()
      const late = await program.user()
      await late.write(sessionDoc(), { _id: 'unknown:1' })
      for (const user of [...users, late]) await user.mirrored()
      if (!lives) await bridge.close()
      await server.restart({}, () => putBack(server.dataFolder, copy))
      // Some are written again before anybody has asked, the others not.
      await edits[0]?.write(60)
      if (!lives) await program.bridge()
      await rowsGo(program, late)
      await compareWithFolds(t, program, users)
      await write()
      await compareWithFolds(t, program, users)
    },
  )
}

async function rowsGo(program: Mirror, user: User): Promise<void> {
  await eventually(async () => {
    const letters = await program.sql('select from divan.dead_letters where database = $1', [user.database])
    return (await user.rows('workout_sessions')).length === 0 && letters.length === 0
  }, 'the rows go of a user whom the server does not know')
}

t.test(
  'an empty server in the place of the old one, while the bridge lives, and then one with the same users',
  async t => {
    const program = await mirror(t)
    const { server } = program
    await program.bridge()
    const [user, gone] = [await program.user(), await program.user()]
    for (const { write } of [user, gone]) await write(sessionDoc(), sessionDoc(), { _id: 'unknown:1' })
    for (const each of [user, gone]) await each.mirrored()
    await server.restart({}, async () => {
      await rm(server.dataFolder, { recursive: true })
    })
    await rowsGo(program, user)
    await rowsGo(program, gone)
    t.strictSame(
      await program.sql(`select database from divan.checkpoints where database like 'userdb-%'`),
      [],
    )

    await program.request('PUT', user.database)
    const doc = sessionDoc()
    await bulkDocs(program.request, user.database, [doc])
    await eventually(async () => (await user.rows('workout_sessions')).length === 1, 'it is mirrored')
    t.equal((await user.rows('workout_sessions'))[0]?.doc_id, doc._id)
  },
)
