import t from 'tap'
import { listDeadLetters, replayDeadLetters } from '../../bridge/dead-letters.ts'
import { entitiesIn } from '../../design-docs/catalogue.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { randomDoc } from '../design-docs/random-docs.ts'
import { type Mirror, mirror, type User } from '../fixtures/mirror.ts'
import { rounds } from '../fixtures/rounds.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'

t.test('a corrected revision becomes a row and closes the letter', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const doc = sessionDoc({ targetReps: 'ten' })
  await user.write(doc)
  await user.mirrored()
  await user.write({ ...doc, targetReps: 10.5 })
  await user.mirrored()
  const [letter, ...others] = await listDeadLetters(program.databaseUrl)
  t.match(letter, { docId: doc._id, rev: /^2-/, attempts: 2, reason: /fraction/ })
  t.ok(letter && letter.lastFailedAt > letter.firstFailedAt, 'it says since when the document fails')
  t.strictSame(others, [], 'a document has one letter')
  await user.write({ ...doc, targetReps: 10 })
  await user.mirrored()
  t.strictSame(await listDeadLetters(program.databaseUrl), [])
  t.equal((await user.rows('workout_sessions'))[0]?.target_reps, 10)
})

t.test('a bad revision of a document has no row, nor has it that of the good one before it', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const doc = sessionDoc({ targetReps: 10 })
  await user.write(doc)
  await user.mirrored()
  await user.write({ ...doc, targetReps: 'ten' })
  await user.mirrored()
  t.strictSame(await user.rows('workout_sessions'), [])
  t.equal((await listDeadLetters(program.databaseUrl)).length, 1)
  await user.remove(doc._id)
  await user.mirrored()
  t.strictSame(await user.rows('workout_sessions'), [], 'its last body is bad, and nothing shows it')
  t.strictSame(await listDeadLetters(program.databaseUrl), [], 'but a deletion closes the letter')
})

t.test(
  'rows that Postgres refuses for a reason of its own are found, and the rest of the batch is stored',
  async t => {
    const program = await mirror(t)
    const bridge = await program.bridge()
    await bridge.close()
    await program.sql('alter table workout_sessions add constraint light check (weight_per_cable_kg < 100)')
    const user = await program.user()
    const docs = Array.from({ length: 50 }, (_, index) =>
      sessionDoc({ weightPerCableKg: index % 17 === 3 ? 100 : 50 }),
    )
    await user.write(...docs)
    await program.bridge()
    await user.mirrored()
    t.equal((await user.rows('workout_sessions')).length, 47)
    const letters = await listDeadLetters(program.databaseUrl)
    t.equal(letters.length, 3)
    t.match(letters[0], { path: 'light', reason: /violates check constraint/ })

    const inVain = await replayDeadLetters({
      serverUrl: program.server.adminUrl,
      databaseUrl: program.databaseUrl,
    })
    t.strictSame(inVain, { replayed: 3, closed: 0, left: 3 })
    await program.sql('alter table workout_sessions drop constraint light')
    const replay = await replayDeadLetters({
      serverUrl: program.server.adminUrl,
      databaseUrl: program.databaseUrl,
    })
    t.strictSame(replay, { replayed: 3, closed: 3, left: 0 })
    t.equal((await user.rows('workout_sessions')).length, 50)
  },
)

t.test(
  'a replay reads every document again, whatever its id, and leaves the letters of those that are still bad',
  async t => {
    const program = await mirror(t)
    await program.bridge()
    const user = await program.user()
    const ids = ['unknown:back\\slash', 'unknown:\u{1f4aa}', 'session:not an id']
    await user.write(...ids.map(_id => ({ _id })))
    await user.mirrored()
    const options = { serverUrl: program.server.adminUrl, databaseUrl: program.databaseUrl }
    t.match(await replayDeadLetters(options), { replayed: ids.length, closed: 0, left: ids.length })
    const letters = await listDeadLetters(program.databaseUrl)
    t.strictSame(
      letters.map(({ attempts }) => attempts),
      ids.map(() => 2),
    )
  },
)

t.test(
  'large documents are replayed one by one: none is taken for gone because it did not fit a page',
  async t => {
    const program = await mirror(t)
    await program.bridge()
    const user = await program.user()
    const docs = Array.from({ length: 5 }, () => sessionDoc({ routineName: 'x'.repeat(5_000_000) }))
    for (const doc of docs) await user.write(doc)
    await user.mirrored()
    const options = { serverUrl: program.server.adminUrl, databaseUrl: program.databaseUrl }
    t.strictSame(await replayDeadLetters(options), { replayed: 5, closed: 0, left: 5 })
  },
)

t.test('many letters are replayed beside a bridge, while their documents change, go and come', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const docs = Array.from({ length: rounds(300, 100_000) }, () => sessionDoc({ weightPerCableKg: 100 }))
  await program.sql('alter table workout_sessions add constraint light check (weight_per_cable_kg < 100)')
  for (let start = 0; start < docs.length; start += 1000) await user.write(...docs.slice(start, start + 1000))
  await user.mirrored(rounds(60_000, 3_600_000))
  t.equal((await listDeadLetters(program.databaseUrl)).length, docs.length)
  await program.sql('alter table workout_sessions drop constraint light')
  const options = { serverUrl: program.server.adminUrl, databaseUrl: program.databaseUrl }
  const replaying = replayDeadLetters(options)
  const [deleted, bad, ...changed] = docs
  await user.remove(deleted?._id ?? '')
  await user.write({ ...sessionDoc({ mode: 7 }), _id: bad?._id ?? '', clientId: bad?.clientId })
  await user.write(...changed.slice(0, 100).map(doc => ({ ...doc, weightPerCableKg: 50 })))
  await replaying
  await user.mirrored(60_000)
  const letters = await listDeadLetters(program.databaseUrl)
  t.strictSame(
    letters.map(({ docId }) => docId),
    [bad?._id],
  )
  const rows = await user.rows('workout_sessions')
  t.equal(rows.length, docs.length - 1)
  t.equal(
    rows.filter(row => row.weight_per_cable_kg === 50).length,
    100,
    'what changed meanwhile is not overwritten',
  )
})

t.test('the letters of a database that is gone close', async t => {
  const program = await mirror(t)
  const bridge = await program.bridge()
  const user = await program.user()
  await user.write({ _id: 'unknown:1' })
  await user.mirrored()
  await bridge.close()
  await program.request('DELETE', user.database)
  const options = { serverUrl: program.server.adminUrl, databaseUrl: program.databaseUrl }
  t.match(await replayDeadLetters(options), { replayed: 1, closed: 1, left: 0 })
})

t.test('where nothing was ever mirrored nobody is told that there are no letters', async t => {
  const program = await mirror(t)
  const noMirror = {
    name: 'BridgeError',
    message: /^Postgres at \S+: there is no mirror in it .* Check DATABASE_URL/,
  }
  await t.rejects(listDeadLetters(program.databaseUrl), noMirror)
  const options = { serverUrl: program.server.adminUrl, databaseUrl: program.databaseUrl }
  await t.rejects(replayDeadLetters(options), noMirror)
})

/** A document of random edits: its description, its first version, and its leaves as lists of rev ids, the newest first. */
type Edited = {
  readonly entity: Entity
  readonly first: Record<string, unknown>
  readonly leaves: string[][]
}

/** Versions, forks and deletions of documents that are right, wrong, or in the wrong database, as they would come from phones. */
function randomEdit(random: SeededRandom, docs: Edited[], kinds: readonly Entity[]): unknown {
  const entity = random.pick(kinds)
  const edited =
    docs.length > 0 && random.chance(0.6)
      ? random.pick(docs)
      : { entity, first: randomDoc(entity, random.next), leaves: [[]] }
  if (!docs.includes(edited)) docs.push(edited)
  const { _id, clientId, sessionId, deviceId } = edited.first
  const at = random.below(edited.leaves.length)
  const leaf = edited.leaves[at] ?? []
  const isFork = leaf.length > 1 && random.chance(0.4)
  const ids = [random.uuid().replaceAll('-', ''), ...(isFork ? leaf.slice(1) : leaf)]
  if (isFork) edited.leaves.push(ids)
  else edited.leaves[at] = ids
  const identity = { _id, ...(edited.entity.rows === undefined ? { clientId, deviceId } : { sessionId }) }
  const members = random.chance(0.15) ? { _deleted: true } : randomDoc(edited.entity, random.next)
  return { ...members, ...identity, _revisions: { start: ids.length, ids } }
}

/** What `_problems` tells of a user, as far as a letter would: a document's first problem. */
async function toldOf(program: Mirror, { database, metricsDatabase }: User): Promise<string[]> {
  const told = []
  for (const name of [database, metricsDatabase]) {
    const answer = await program.request('GET', `${name}/_problems`)
    const { problems: docs } = answer as {
      readonly problems: readonly {
        readonly id: string
        readonly rev: string
        readonly problems: readonly { readonly path: string; readonly reason: string }[]
      }[]
    }
    for (const { id, rev, problems } of docs)
      told.push(JSON.stringify([name, id, rev, problems[0]?.path, problems[0]?.reason]))
  }
  return told.sort()
}

t.test('`_problems` tells the same documents, paths and reasons as the letters do', async t => {
  const random = seededRandom(t)
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const [main, metrics] = [entitiesIn('main'), entitiesIn('metrics')]
  const databases = [
    { name: user.database, kinds: [...main, ...metrics], docs: [] },
    { name: user.metricsDatabase, kinds: [...metrics, ...metrics, ...main.slice(0, 1)], docs: [] },
  ]
  let most = 0
  for (let round = 0; round < rounds(3, 60); round++) {
    for (const { name, kinds, docs } of databases) {
      const edits = Array.from({ length: 1 + random.below(150) }, () => randomEdit(random, docs, kinds))
      // A few have ids that no document can have: those are refused, each in its row.
      await program.request('POST', `${name}/_bulk_docs`, { docs: edits, new_edits: false })
    }
    await user.mirrored()
    const letters = await listDeadLetters(program.databaseUrl)
    const kept = letters.map(({ database, docId, rev, path = '', reason }) =>
      JSON.stringify([database, docId, rev, path, reason]),
    )
    t.strictSame(await toldOf(program, user), kept.sort())
    most = Math.max(most, letters.length)
    if (!t.passing()) return
  }
  t.ok(most > 10, 'there was something to tell')
})
