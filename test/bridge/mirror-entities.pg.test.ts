import assert from 'node:assert'
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { rebuildMirror } from '../../bridge/rebuild/rebuild-mirror.ts'
import { entities } from '../../design-docs/catalogue.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { rowId } from '../../design-docs/row-id.ts'
import { entityDoc } from '../fixtures/entity-doc.ts'
import { eventually } from '../fixtures/eventually.ts'
import { expectedRows, type ShownValues, shownValues } from '../fixtures/expected-row.ts'
import { bulkDocs, mirror, type Row } from '../fixtures/mirror.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const owned = entities.filter(entity => entity.database !== 'accounts')

/** In an order of its own, because the ids of a list's rows are hashes. */
function sorted(rows: readonly ShownValues[]): string[] {
  return rows.map(row => JSON.stringify(row)).sort()
}

function shown(entity: Entity, rows: readonly Row[]): string[] {
  return sorted(rows.map(row => shownValues(entity, row)))
}

const program = await mirror(t)
await program.bridge()

t.test('documents of every entity become rows of its table, with the values of their types', async t => {
  const random = seededRandom(t)
  const user = await program.user()
  for (const entity of owned) {
    const docs = new Map(
      Array.from({ length: 10 }, () => entityDoc(random, entity)).map(doc => [doc._id, doc]),
    )
    await user.write(...docs.values())
    await user.mirrored()
    const expected = [...docs.values()].flatMap(doc => expectedRows(entity, doc))
    t.strictSame(shown(entity, await user.rows(entity.table)), sorted(expected), entity.type)
  }
  t.strictSame(await program.sql('select * from divan.dead_letters'), [], 'no document was put aside')
})

t.test('accounts become users', async t => {
  const userId = '0B1F6C1E-8D6A-4B0C-9C55-3B9C1D0E2F00'
  const account = {
    _id: 'org.couchdb.user:ann@example.org',
    type: 'user',
    name: 'ann@example.org',
    roles: [],
    userId,
    email: 'ann@example.org',
    passwordHash: 'a hash',
    createdAt: 1_700_000_000_000,
    isPremium: true,
  }
  await bulkDocs(program.request, '_users', [account])
  const [row] = await eventually(async () => {
    const rows = await program.sql('select * from users')
    return rows.length > 0 && rows
  }, 'the account is mirrored')
  t.match(row, {
    id: userId.toLowerCase(),
    email: 'ann@example.org',
    is_premium: true,
    subscription_status: 'free',
  })
  t.strictSame(row?.created_at, new Date(1_700_000_000_000))
})

t.test('of accounts that name one user the one that was changed last is his row', async t => {
  const account = (name: string) => ({
    _id: `org.couchdb.user:${name}`,
    type: 'user',
    name,
    roles: [],
    userId: '0b1f6c1e-8d6a-4b0c-9c55-3b9c1d0e2f11',
    email: name,
    passwordHash: 'a hash',
    createdAt: 1,
  })
  const shown = (email: string) =>
    eventually(async () => {
      const rows = await program.sql('select email from users where id = $1', [account('').userId])
      return rows.length === 1 && rows[0]?.email === email
    }, `${email} is shown`)
  const { adminUrl: serverUrl } = program.server
  const again = (): Promise<void> => {
    const { signal } = new AbortController()
    const { databaseUrl } = program
    return rebuildMirror({ serverUrl, databaseUrl, what: '_users', signal, say: () => {} })
  }
  const accounts = ['b', 'a', 'c'].map(account)
  await bulkDocs(program.request, '_users', accounts)
  await shown('c')
  await bulkDocs(program.request, '_users', [account('b')])
  await shown('b')
  await again()
  await shown('b')
  const [{ _rev }] = [(await program.request('GET', '_users/org.couchdb.user:b')) as { _rev: string }]
  await program.request('DELETE', `_users/org.couchdb.user:b?rev=${_rev}`)
  await eventually(async () => {
    const rows = await program.sql('select from users where id = $1', [account('').userId])
    return rows.length === 0
  }, 'the shown one is deleted')
  await again()
  t.ok(await shown('c'), 'the other comes back when the accounts are read again')
})

t.test('a row knows its user, its document, and the revision and sequence it was written at', async t => {
  const user = await program.user()
  const doc = sessionDoc()
  const [rev] = await user.write(doc)
  await user.mirrored()
  const [row] = await user.rows('workout_sessions')
  t.match(row, { id: rowId(user.sub, doc._id), user_id: user.sub, doc_id: doc._id, rev })
  t.match(row?.update_seq, /^1-/)
})

t.test('the same documents of two users are two rows each', async t => {
  const random = seededRandom(t)
  const [ann, bob] = [await program.user(), await program.user()]
  const docs = owned.map(entity => ({ entity, doc: entityDoc(random, entity) }))
  await ann.write(...docs.map(({ doc }) => doc))
  await bob.write(...docs.map(({ doc }) => doc))
  await Promise.all([ann.mirrored(), bob.mirrored()])
  for (const { entity } of docs) {
    const [rowsOfAnn, rowsOfBob] = [await ann.rows(entity.table), await bob.rows(entity.table)]
    t.strictSame(shown(entity, rowsOfAnn), shown(entity, rowsOfBob), entity.type)
    const idsOfAnn = new Set(rowsOfAnn.map(row => row.id))
    t.notOk(
      rowsOfBob.some(row => idsOfAnn.has(row.id)),
      'their ids differ',
    )
  }
})

t.test('a child that arrives before its parent is a row, and finds its parent when that comes', async t => {
  const random = seededRandom(t)
  const user = await program.user()
  const parent = sessionDoc()
  const phaseStat = owned.find(({ type }) => type === 'phaseStat')
  assert(phaseStat)
  await user.write({ ...entityDoc(random, phaseStat), sessionId: parent.clientId })
  await user.mirrored()
  t.equal((await user.rows('phase_statistics')).length, 1)
  await user.write(parent)
  await user.mirrored()
  const joined = await program.sql(
    `select 1 from phase_statistics p join workout_sessions s on s.user_id = p.user_id and s.client_id = p.session_id
      where p.user_id = $1`,
    [user.sub],
  )
  t.equal(joined.length, 1)
})

t.test('rows of samples that a newer version of their document no longer has are gone', async t => {
  const user = await program.user()
  const sessionId = '0b1f6c1e-8d6a-4b0c-9c55-3b9c1d0e2f00'
  const chunk = (timestamps: readonly number[]) => ({
    _id: `metrics:${sessionId}:1`,
    type: 'metrics',
    sessionId,
    samples: timestamps.map(timestamp => ({ timestamp, load: 1.5 })),
  })
  await user.write(chunk([1, 2, 3, 4]))
  await user.mirrored()
  t.equal((await user.rows('metric_samples')).length, 4)
  await user.write(chunk([5, 6]))
  await user.mirrored()
  const rows = await user.rows('metric_samples')
  t.strictSame(rows.map(row => row.timestamp).sort(), ['5', '6'])
})

t.test('documents whose owner is no UUID are mirrored under a UUID made from it', async t => {
  const database = `userdb-${Buffer.from('jürgen@example.org').toString('hex')}`
  await program.request('PUT', database)
  await bulkDocs(program.request, database, [sessionDoc({ exerciseName: 'Jürgen’s' })])
  const [row] = await eventually(async () => {
    const rows = await program.sql(`select user_id from workout_sessions where exercise_name = 'Jürgen’s'`)
    return rows.length > 0 && rows
  }, 'the session is mirrored')
  t.match(row?.user_id, /^[0-9a-f]{8}-[0-9a-f]{4}-5/)
})

t.test('databases that are no user’s are not mirrored', async t => {
  const doc = sessionDoc()
  const names = ['other', 'userdb-xyz', 'userdb-']
  for (const name of names) {
    await program.request('PUT', name)
    await bulkDocs(program.request, name, [doc])
  }
  const user = await program.user()
  await user.write(sessionDoc())
  await user.mirrored()
  t.strictSame(await program.sql('select 1 from workout_sessions where doc_id = $1', [doc._id]), [])
  const known = await program.sql('select database from divan.checkpoints where database = any($1)', [names])
  t.strictSame(known, [])
})

t.test('documents too large to be read together are read one by one', async t => {
  const user = await program.user()
  const description = 'x'.repeat(7_000_000)
  const docs = Array.from({ length: 4 }, () => {
    const clientId = randomUUID()
    return { _id: `routine:${clientId}`, clientId, name: 'Large', description, createdAt: 1, updatedAt: 1 }
  })
  for (const doc of docs) await user.write(doc)
  await user.mirrored()
  const rows = await program.sql('select length(description) from routines where user_id = $1', [user.sub])
  t.strictSame(
    rows.map(row => row.length),
    docs.map(() => description.length),
  )
})

t.test('a document of thirty thousand samples is thirty thousand rows', async t => {
  const user = await program.user()
  const sessionId = randomUUID()
  const samples = Array.from({ length: 30_000 }, (_, timestamp) => ({ timestamp, load: timestamp / 7 }))
  await user.write({ _id: `metrics:${sessionId}:1`, sessionId, samples })
  await user.mirrored()
  const [row] = await program.sql(
    'select count(*), max(load), count(distinct timestamp) as times from metric_samples where user_id = $1',
    [user.sub],
  )
  t.match(row, { count: '30000', max: 29_999 / 7, times: '30000' })
})

t.test('a batch is one statement for each entity, however many documents it has', async t => {
  await program.sql('create table public.statements (what text, batch xid8)')
  await program.sql(`
    create function public.note_statement() returns trigger language plpgsql security definer as $$
    begin
      insert into public.statements values (tg_op || ' ' || tg_table_name, pg_current_xact_id());
      return null;
    end $$`)
  t.teardown(() => program.sql('drop function public.note_statement cascade'))
  for (const { table } of owned)
    await program.sql(
      `create trigger note after insert or delete on ${table} for each statement execute function public.note_statement()`,
    )
  const random = seededRandom(t)
  const user = await program.user()
  const made = owned.flatMap(entity => Array.from({ length: 30 }, () => entityDoc(random, entity)))
  // A user has one document of some entities.
  const docs = [...new Map(made.map(doc => [doc._id, doc])).values()]
  await user.write(...docs)
  await user.mirrored()
  const removed = docs.filter(({ _id }) => !_id.startsWith('metrics:')).map(({ _id }) => _id)
  await user.remove(...removed)
  await user.mirrored()
  const notes = await program.sql(
    'select what, count(*)::int as n, count(distinct batch)::int as batches from public.statements group by 1',
  )
  t.ok(notes.length > owned.length, 'each table was written to, and from some rows went')
  for (const { what, n, batches } of notes) t.equal(n, batches, String(what))
  const inserts = notes.filter(({ what }) => String(what).startsWith('INSERT'))
  const count = inserts.reduce((sum, { n }) => sum + Number(n), 0)
  t.ok(count <= docs.length / 5, `${count} statements for ${docs.length} documents`)
})
