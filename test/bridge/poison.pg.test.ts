import { randomUUID } from 'node:crypto'
import t from 'tap'
import { listDeadLetters } from '../../bridge/dead-letters.ts'
import type { AnyDoc } from '../fixtures/entity-doc.ts'
import { bulkDocs, mirror } from '../fixtures/mirror.ts'
import { otherVersion } from '../fixtures/other-version.ts'
import { rounds } from '../fixtures/rounds.ts'
import { sessionDoc } from '../fixtures/workout.ts'

type Poison = { readonly name: string; readonly doc: AnyDoc; readonly path: string | undefined }

function nested(depth: number): unknown {
  return JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
}

/** A session with one member that it may not have so. */
function session(name: string, member: string, value: unknown): Poison {
  return { name, doc: sessionDoc({ [member]: value }), path: member }
}

/** A document whose id is wrong already. */
function badId(name: string, _id: string, members: { readonly [member: string]: unknown } = {}): Poison {
  return { name, doc: { ...members, _id }, path: '_id' }
}

const SAMPLES = { sessionId: '1', samples: [{ timestamp: 1 }] }

const poison: readonly Poison[] = [
  session('a NUL character', 'exerciseName', 'a\0b'),
  session('a NUL character alone', 'mode', '\0'),
  session('the first half of a surrogate pair', 'exerciseName', 'a\ud83d'),
  session('the second half', 'routineName', '\udc00b'),
  session('a pair the wrong way round', 'mode', '\udc00\ud83d'),
  session('text for a whole number', 'targetReps', '10'),
  session('text for a number', 'weightPerCableKg', '42.5'),
  session('a number for text', 'exerciseId', 7),
  session('an object for text', 'mode', { nested: true }),
  session('a list for text', 'mode', ['a']),
  session('a number for true or false', 'isJustLift', 1),
  session('text for true or false', 'stopAtTop', 'false'),
  session('true for a number', 'duration', true),
  session('a fraction for a whole number', 'targetReps', 1.5),
  session('an integer that overflows', 'totalReps', 2 ** 31),
  session('an integer that overflows below', 'echoLevel', -(2 ** 31) - 1),
  session('a long that overflows', 'timestamp', 1e300),
  session('a long that is no longer exact', 'timestamp', 2 ** 53),
  session('an absurd date', 'createdAt', 8.64e15 + 2),
  session('a date before all dates', 'updatedAt', -210_866_803_200_001),
  session('a date as text', 'createdAt', '2024-01-01T00:00:00Z'),
  session('a mark of deletion that is no time', 'deletedAt', 'yesterday'),
  session('text that is too long', 'mode', 'x'.repeat(51)),
  session('signs that are too many', 'mode', '\u{1f4aa}'.repeat(51)),
  session('five megabytes of text', 'routineName', 'x'.repeat(5_000_000)),
  session('five megabytes of a number', 'rpe', '7'.repeat(5_000_000)),
  session('deep nesting', 'rpe', nested(1000)),
  session('a missing member', 'mode', undefined),
  session('null for a required member', 'targetReps', null),
  session('a device id that is none', 'deviceId', 'a phone'),
  session('a type against its id', 'type', 'routine'),
  session('a client id against its id', 'clientId', randomUUID()),
  badId('an unknown type', `unknown:${randomUUID()}`),
  badId('an id without a type', randomUUID()),
  badId('an id with an upper-case UUID', `session:${randomUUID().toUpperCase()}`, sessionDoc()),
  badId('an id with a NUL character', 'session:phone:a\0b', { ...sessionDoc(), clientId: 'a\0b' }),
  badId('a type of another database', `metrics:${randomUUID()}:1`, SAMPLES),
  badId('an account among the documents of a user', 'org.couchdb.user:a@example.org'),
  badId('a very long id', `session:phone:${'x'.repeat(5000)}`, sessionDoc()),
  badId('a second document of a kind that is one', 'gamificationStats:2', { updatedAt: 1 }),
]

/** Those that a new description mends; a good revision mends the others. */
const TOO_LONG = ['text that is too long', 'signs that are too many']

t.test(
  'of thousands of documents with every kind of poison the good ones arrive, the others are dead letters',
  async t => {
    const program = await mirror(t)
    const user = await program.user()
    t.equal(poison.length, 40)
    const good = Array.from({ length: rounds(1000, 10_000) - poison.length }, () => sessionDoc())
    const every = Math.floor(good.length / poison.length)
    // All before the bridge starts: so they are a few batches, and there is poison in all of them.
    const docs = good.flatMap((doc, index) => {
      const one = index % every === 0 ? poison[index / every] : undefined
      return one === undefined ? [doc] : [doc, one.doc]
    })
    for (let start = 0; start < docs.length; start += 1000) {
      await bulkDocs(program.request, user.database, docs.slice(start, start + 1000))
    }
    await program.bridge()
    await user.mirrored(60_000)
    t.equal((await user.rows('workout_sessions')).length, good.length)
    const letters = await listDeadLetters(program.databaseUrl)
    for (const { name, doc, path } of poison) {
      const letter = letters.find(({ docId }) => docId === doc._id)
      t.equal(letter?.path, path, name)
      t.match(letter, { database: user.database, rev: /^1-/, seq: /-/, reason: /./, attempts: 1 }, name)
    }
    t.equal(letters.length, poison.length)
    await user.write(sessionDoc())
    await user.mirrored()
    t.strictSame(await listDeadLetters(program.databaseUrl), letters, 'none is tried again by itself')

    const mended = poison.filter(({ name }) => !TOO_LONG.includes(name))
    const sessions = mended.filter(({ path }) => path !== '_id')
    await user.write(
      ...sessions.map(({ doc }) => ({ ...sessionDoc(), _id: doc._id, clientId: doc._id.slice(8) })),
    )
    await user.remove(...mended.filter(({ path }) => path === '_id').map(({ doc }) => doc._id))
    await user.mirrored()
    const left = await listDeadLetters(program.databaseUrl)
    t.equal(left.length, TOO_LONG.length, 'a good revision closes a letter, and so does a deletion')
    const [from, to] = ["mode: { kind: 'text', maxLength: 50 }", "mode: { kind: 'text', maxLength: 60 }"]
    const version = otherVersion(t, program, { file: 'design-docs/entities/session.ts', from, to })
    const replay = await version.run('dead-letters', 'replay')
    t.match(replay, { code: 0, output: /^2 dead letters tried again, 2 mended, 0 left$/m })
    t.strictSame(await listDeadLetters(program.databaseUrl), [], 'a new description mends the rest')
    t.equal((await user.rows('workout_sessions')).length, good.length + 1 + sessions.length + TOO_LONG.length)
  },
)

/** What an operator may put on a table, how it goes again, and what it refuses. */
type Guard = {
  readonly name: string
  readonly put: string
  readonly away: string
  readonly refused: object
  readonly path?: string
}

const guards: readonly Guard[] = [
  {
    name: 'a trigger that raises',
    put: `create trigger refuse before insert or update on workout_sessions for each row execute function refuse()`,
    away: 'drop trigger refuse on workout_sessions',
    refused: { weightPerCableKg: 99 },
  },
  {
    name: 'a trigger that raises at the commit',
    put: `create constraint trigger refuse after insert or update on workout_sessions deferrable initially deferred
            for each row execute function refuse()`,
    away: 'drop trigger refuse on workout_sessions',
    refused: { weightPerCableKg: 99 },
  },
  {
    name: 'a column narrowed by hand',
    put: 'alter table workout_sessions alter column mode type varchar(10)',
    away: 'alter table workout_sessions alter column mode type varchar(50)',
    refused: { mode: 'elevensigns' },
  },
  {
    name: 'a column that may not be null any more',
    put: 'alter table workout_sessions alter column rpe set not null',
    away: 'alter table workout_sessions alter column rpe drop not null',
    refused: { rpe: null },
    path: 'rpe',
  },
  {
    name: 'an index that two rows do not fit',
    put: 'create unique index one_name on workout_sessions (user_id, routine_name)',
    away: 'drop index one_name',
    refused: { routineName: 'taken' },
    path: 'one_name',
  },
]

t.test('what Postgres refuses of a batch are those documents alone', async t => {
  const program = await mirror(t)
  await program.bridge()
  await program.sql(`create function refuse() returns trigger language plpgsql as $$
    begin if new.weight_per_cable_kg = 99 then raise 'too heavy'; end if; return new; end $$`)
  for (const { name, put, away, refused, path } of guards) {
    const user = await program.user()
    const before = sessionDoc({ rpe: 1 })
    await user.write(before, sessionDoc({ rpe: 1, routineName: 'taken' }))
    await user.mirrored()
    await program.sql(put)
    const docs = Array.from({ length: 500 }, (_, index) =>
      sessionDoc({ rpe: 1, ...(index === 250 ? refused : {}) }),
    )
    await user.write(...docs)
    await user.write({ ...before, ...refused })
    await user.mirrored()
    const letters = await listDeadLetters(program.databaseUrl)
    const ids = letters.map(({ docId }) => docId)
    t.strictSame(ids.sort(), [docs[250]?._id, before._id].sort(), name)
    const said = { reason: /Postgres refuses the row/, attempts: 1 }
    t.match(letters, [said, path === undefined ? said : { ...said, path }], name)
    // Neither has a row: not the one of the revision before, either.
    t.equal((await user.rows('workout_sessions')).length, 500, name)
    await program.sql(away)
    await user.remove(...ids)
    await user.mirrored()
    t.strictSame(await listDeadLetters(program.databaseUrl), [])
    await program.sql('delete from workout_sessions')
  }
})

t.test('rows that other tables hold on to stop nothing: their documents become letters', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const samples = { _id: 'metrics:1:1', sessionId: '1', samples: [{ timestamp: 1 }, { timestamp: 2 }] }
  await user.write(samples, { ...samples, _id: 'metrics:1:2' })
  await user.mirrored()
  await program.sql('create table public.notes (sample uuid references metric_samples (id))')
  await program.sql(`insert into public.notes select id from metric_samples where doc_id = 'metrics:1:1'`)
  await user.write({ ...samples, samples: [] }, { ...samples, _id: 'metrics:1:2', samples: [] })
  await user.mirrored()
  const letters = await listDeadLetters(program.databaseUrl)
  t.match(letters, [{ docId: 'metrics:1:1', reason: /notes/ }])
  t.equal(letters.length, 1)
  t.equal((await user.rows('metric_samples')).length, 2)
})

t.test('a document of tens of thousands of rows is divided into statements', async t => {
  const program = await mirror(t)
  await program.bridge()
  const user = await program.user()
  const samples = Array.from({ length: 30_000 }, (_, timestamp) => ({ timestamp, power: timestamp / 3 }))
  await user.write({ _id: 'metrics:1:1', sessionId: '1', samples })
  await user.mirrored(60_000)
  const [row] = await program.sql(
    'select count(*)::int as rows, count(distinct id)::int as ids, sum(timestamp)::bigint as sum from metric_samples',
  )
  t.strictSame(row, { rows: 30_000, ids: 30_000, sum: String((30_000 * 29_999) / 2) })
})
