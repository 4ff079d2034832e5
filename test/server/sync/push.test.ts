import t from 'tap'
import { rowId } from '../../../design-docs/row-id.ts'
import { readPushMessage } from '../../../server/sync/message-push.ts'
import { NOW, type PushedRow, pushingUsers, record, S1, session } from '../../fixtures/pushing-user.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

type Row = PushedRow

const newUser = await pushingUsers(t)

t.test('a push makes documents, tells their row ids, and a replay changes nothing', async t => {
  const user = await newUser()
  const lists = {
    sessions: [session({ unknownToday: { deep: [1] }, exerciseName: null })],
    records: [record('1', { sessionId: S1 })],
    gamificationStats: { clientId: '1', totalReps: 3, updatedAt: NOW },
  }
  const answer = await user.push('phone-1', lists)
  t.strictSame(answer.rejected, [])
  t.equal(answer.idMappings.sessions?.[S1], rowId(user.sub, `session:${S1}`))
  t.equal(answer.idMappings.records?.['1'], rowId(user.sub, 'record:phone-1:1'))
  t.strictSame(answer.idMappings.badges, {})
  const doc = user.read(`session:${S1}`)
  t.match(doc, { type: 'session', clientId: S1, deviceId: 'phone-1', unknownToday: { deep: [1] } })
  t.notOk('exerciseName' in doc, 'null is absent')
  t.notOk('warmupReps' in doc, 'defaults are not stored')
  t.equal(user.read('record:phone-1:1').sessionId, S1)
  t.equal(user.read('gamificationStats').totalReps, 3)
  t.ok(user.isOwn(`session:${S1}`, 'phone-1'))
  t.notOk(user.isOwn(`session:${S1}`, 'phone-2'))
  const seq = user.seq()
  t.strictSame(await user.push('phone-1', lists), answer)
  t.equal(user.seq(), seq)
})

t.test('what an old app does not know stays, null clears, and such a merge is nobody’s push', async t => {
  const user = await newUser()
  await user.push('new', { sessions: [session({ warmupReps: 3, rpe: 8, exerciseName: 'Squat' })] })
  const partial = { clientId: S1, targetReps: 12, rpe: null, warmupReps: null, updatedAt: NOW + 1 }
  t.strictSame((await user.push('old', { sessions: [partial] })).rejected, [])
  const doc = user.read(`session:${S1}`)
  t.match(doc, { targetReps: 12, warmupReps: 3, exerciseName: 'Squat', mode: 'OldSchool', deviceId: 'old' })
  t.notOk('rpe' in doc)
  t.notOk(user.isOwn(`session:${S1}`, 'old'), 'it has to come back to the one who merged')
  const seq = user.seq()
  await user.push('old', { sessions: [partial] })
  await user.push('new', { sessions: [session({ warmupReps: 3, rpe: 8, exerciseName: 'Squat' })] })
  t.equal(user.seq(), seq, 'replays of either change nothing, and no conflict is left')
})

t.test('an older version is kept as a losing revision, once', async t => {
  const user = await newUser()
  await user.push('a', { sessions: [session({ targetReps: 1, updatedAt: NOW + 10 })] })
  const before = user.read(`session:${S1}`)
  for (let times = 0; times < 2; times++)
    await user.push('b', { sessions: [session({ targetReps: 2, updatedAt: NOW + 5 })] })
  t.equal(user.read(`session:${S1}`).rev, before.rev)
  const leaves = user.leaves(`session:${S1}`)
  t.equal(leaves.length, 2)
  const doc = user.database.doc(`session:${S1}`)
  const losing = doc && user.database.revision(doc, leaves[1]?.rev ?? '')
  t.match(JSON.parse(losing?.body ?? ''), { targetReps: 2, updatedAt: NOW + 5, deviceId: 'b' })
})

t.test('of two versions with one time the same is shown whoever comes first', async t => {
  const shown = []
  for (const order of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    const user = await newUser()
    for (const mode of order) await user.push(mode, { sessions: [session({ mode })] })
    shown.push(user.read(`session:${S1}`).mode)
  }
  t.equal(shown[0], shown[1])
})

t.test('of two versions with one time the one that says more is shown', async t => {
  for (const [value, n] of [1, 9, 'a'].entries()) {
    const user = await newUser()
    const lists = [{ sessions: [session()] }, { sessions: [session({ rpe: 1 + value, extra: n })] }]
    for (const list of value === 1 ? lists.toReversed() : lists) await user.push('a', list)
    t.match(user.read(`session:${S1}`), { rpe: 1 + value, extra: n })
  }
})

t.test('in whatever order and however often versions come, the same is shown and none is lost', async t => {
  const random = seededRandom(t)
  for (let round = 0; round < rounds(15, 300); round++) {
    const versions = Array.from({ length: 2 + random.below(6) }, (_, n) => ({
      device: `d${random.below(3)}`,
      row: session({
        mode: `v${n}`,
        rpe: random.below(3),
        updatedAt: NOW + random.below(4),
        deletedAt: random.chance(0.2) ? NOW : null,
      }),
    }))
    const shown = new Set<string>()
    for (let order = 0; order < 3; order++) {
      const user = await newUser()
      const sent = [...versions, ...versions].sort(() => random.next() - 0.5)
      for (const { device, row } of sent) await user.push(device, { sessions: [row] })
      const { mode, rpe, updatedAt, deleted } = user.read(`session:${S1}`)
      shown.add(JSON.stringify({ mode, rpe, updatedAt, deleted }))
      const leaves = user.leaves(`session:${S1}`)
      t.equal(leaves.filter(leaf => !leaf.deleted).length === 0, deleted)
      t.same(user.modes(`session:${S1}`), new Set(versions.map(({ row }) => row.mode)))
    }
    t.equal(shown.size, 1, [...shown].join(' or '))
  }
})

t.test('a deletion is a tombstone that keeps the body; only what is newer brings it back', async t => {
  const user = await newUser()
  const id = `session:${S1}`
  await user.push('a', { sessions: [session({ rpe: 7 })] })
  await user.push('b', { sessions: [session({ updatedAt: NOW + 9, deletedAt: NOW + 9 })] })
  t.match(user.read(id), { deleted: true, rpe: 7, deletedAt: NOW + 9 })
  await user.push('c', { sessions: [session({ updatedAt: NOW + 5, mode: 'late' })] })
  t.equal(user.read(id).deleted, true)
  t.equal(user.leaves(id).length, 2, 'and what came late is kept')
  await user.push('c', { sessions: [session({ updatedAt: NOW + 20, mode: 'again' })] })
  const doc = user.read(id)
  t.match(doc, { deleted: false, mode: 'again', rpe: 7 })
  t.notOk('deletedAt' in doc)
})

t.test('a deletion ends all living versions', async t => {
  const user = await newUser()
  const id = `session:${S1}`
  await user.push('a', { sessions: [session({ updatedAt: NOW + 10 })] })
  await user.push('b', { sessions: [session({ updatedAt: NOW + 5, mode: 'old' })] })
  await user.push('a', { sessions: [session({ updatedAt: NOW + 20, deletedAt: NOW + 20 })] })
  t.ok(user.leaves(id).every(leaf => leaf.deleted))
  await user.push('b', { sessions: [session({ updatedAt: NOW + 15, mode: 'late' })] })
  t.equal(user.read(id).deleted, true)
})

t.test('a native tombstone is as new as its arrival, and what comes back has all its members', async t => {
  const user = await newUser()
  const id = `session:${S1}`
  await user.push('a', { sessions: [session({ rpe: 7 })] })
  const { rev } = user.read(id)
  await user.database.write([{ kind: 'interactive', id, parent: rev, deleted: true, body: '{}' }])
  await user.push('a', { sessions: [session({ updatedAt: NOW + 5, mode: 'before' })] })
  t.equal(user.read(id).deleted, true)
  const now = Date.now() + 1000
  await user.push('a', { sessions: [{ clientId: S1, mode: 'back', updatedAt: now }] }, now)
  t.match(user.read(id), { deleted: false, mode: 'back', rpe: 7, targetReps: 10 })
})

t.test('a fast clock counts as the time of receipt, and its replay changes nothing', async t => {
  const user = await newUser()
  const fast = { sessions: [session({ updatedAt: NOW + 30 * 86_400_000 })] }
  await user.push('fast', fast, NOW + 100)
  t.equal(user.read(`session:${S1}`).updatedAt, NOW + 100)
  t.notOk(user.isOwn(`session:${S1}`, 'fast'), 'it has to learn its new date')
  await user.push('other', { sessions: [session({ mode: 'x', updatedAt: NOW + 150 })] }, NOW + 200)
  const seq = user.seq()
  await user.push('fast', fast, NOW + 300)
  t.equal(user.seq(), seq)
  t.equal(user.read(`session:${S1}`).mode, 'x')
})

t.test(
  'a fast clock that saved what is stored anyway learns its date, and wins over nobody later',
  async t => {
    const user = await newUser()
    await user.push('a', { sessions: [session()] }, NOW + 50)
    const fast = { sessions: [session({ updatedAt: NOW + 30 * 86_400_000 })] }
    await user.push('fast', fast, NOW + 100)
    t.equal(user.read(`session:${S1}`).updatedAt, NOW + 100)
    t.notOk(user.isOwn(`session:${S1}`, 'fast'), 'so it comes to the one who sent it')
    const seq = user.seq()
    await user.push('fast', fast, NOW + 150)
    t.equal(user.seq(), seq, 'its answer was lost')
    await user.push('other', { sessions: [session({ mode: 'x', updatedAt: NOW + 200 })] }, NOW + 200)
    await user.push('fast', fast, NOW + 300)
    t.equal(user.read(`session:${S1}`).mode, 'x')
  },
)

t.test('two phones number their records alike and mean different ones', async t => {
  const user = await newUser()
  const a = await user.push('a', { records: [record('1', { weight: 1 })] })
  const b = await user.push('b', { records: [record('1', { weight: 2 })] })
  t.equal(user.read('record:a:1').weight, 1)
  t.equal(user.read('record:b:1').weight, 2)
  t.not(a.idMappings.records?.['1'], b.idMappings.records?.['1'])
  const serverId = a.idMappings.records?.['1']
  const merged = await user.push('b', {
    records: [
      record('7', { serverId, weight: 3, updatedAt: NOW + 1 }),
      record('a:1', { weight: 4, updatedAt: NOW + 2 }),
    ],
  })
  t.match(user.read('record:a:1'), { weight: 4, clientId: '1', deviceId: 'b' })
  t.strictSame(merged.idMappings.records, { '7': serverId, 'a:1': serverId })
  t.equal(user.database.doc('record:b:7'), undefined)
})

t.test('references hold the parent’s id, however the parent is named', async t => {
  const user = await newUser()
  const S2 = '22222222-2222-4222-8222-222222222222'
  const first = await user.push('a', {
    sessions: [session({ clientId: S1.toUpperCase() }), session({ clientId: '5' })],
  })
  const serverId = first.idMappings.sessions?.['5'] ?? ''
  await user.push('b', {
    records: [
      record('1', { sessionId: serverId }),
      record('2', { sessionId: S1 }),
      record('3', { sessionId: 'a:5' }),
      record('4', { sessionId: '5' }),
      record('5', { sessionId: S2 }),
    ],
  })
  const stored = [1, 2, 3, 4, 5].map(n => user.read(`record:b:${n}`).sessionId)
  t.strictSame(stored, ['a:5', S1, 'a:5', 'b:5', S2])
})

t.test('a bad row is kept and told, and fails no other', async t => {
  const user = await newUser()
  const lists = {
    sessions: [session(), session({ clientId: '2', targetReps: 'ten', _id: 'x' }), 'nonsense', { mode: 'x' }],
    records: [record('1', { updatedAt: 'yesterday' }), { clientId: 7 }],
  }
  const { rejected, idMappings } = await user.push('a', lists)
  t.strictSame(
    rejected.map(({ entity, clientId, path }) => [entity, clientId, path]),
    [
      ['sessions', '2', 'sessions[1].targetReps'],
      ['sessions', null, 'sessions[2]'],
      ['sessions', null, 'sessions[3].clientId'],
      ['records', '1', 'records[0].updatedAt'],
      ['records', null, 'records[1].clientId'],
    ],
  )
  t.ok(idMappings.sessions?.[S1])
  t.equal(user.read('session:a:2').targetReps, 'ten')
  const kept = user.database.changes({ after: 0, limit: 99 }).filter(({ id }) => id.startsWith('rejected:a:'))
  t.equal(kept.length, 3)
  const seq = user.seq()
  await user.push('a', lists)
  t.equal(user.seq(), seq)
})

t.test('rows of one document follow each other, and what replicates meanwhile is merged', async t => {
  const user = await newUser()
  const id = `session:${S1}`
  const rows = Array.from({ length: 30 }, (_, n) => session({ [`m${n}`]: n, updatedAt: NOW + n }))
  await user.push('a', { sessions: rows })
  t.match(user.read(id), { m0: 0, m29: 29, updatedAt: NOW + 29 })
  const rounds = Array.from({ length: 20 }, async (_, n) => {
    const { rev } = user.read(id)
    await user.database.write([
      {
        kind: 'interactive',
        id,
        parent: rev,
        deleted: false,
        body: JSON.stringify({ ...session(), native: n }),
      },
    ])
  })
  await Promise.all([
    user.push('b', { sessions: [session({ legacy: true, updatedAt: NOW + 99 })] }),
    ...rounds,
  ])
  t.match(user.read(id), { legacy: true, native: Number })
})

t.test('no number of rows makes a document larger than it may be, and nothing of them is lost', async t => {
  const user = await newUser()
  const id = `session:${S1}`
  const row = (n: number, more: Row = {}) =>
    session({ [`m${n}`]: `${n}${'ä'.repeat(200_000)}`, mode: `m${n}`, updatedAt: NOW + n, ...more })
  const answers = []
  for (const n of [1, 2, 3, 4]) answers.push(await user.push('a', { sessions: [row(n)] }))
  const tooLarge = [['sessions[0]', 'With it the document would be larger than 1000000 bytes.']]
  const told = answers.map(({ rejected }) => rejected.map(({ path, reason }) => [path, reason]))
  t.strictSame(told, [[], [], tooLarge, tooLarge])
  t.match(user.read(id), { mode: 'm2', m1: String, m2: String })
  const kept = () => user.database.changes({ after: 0, limit: 99 }).filter(({ id }) => /^rejected:/.test(id))
  t.equal(kept().length, 2)
  const seq = user.seq()
  t.strictSame(await user.push('a', { sessions: [row(4)] }), answers[3], 'a replay')
  t.equal(user.seq(), seq)
  const deletion = { sessions: [row(5, { deletedAt: NOW + 5 })] }
  const deleted = await user.push('a', deletion)
  t.match(user.read(id), { deleted: true, deletedAt: NOW + 5, mode: 'm2' }, 'it can be deleted')
  t.equal(kept().length, 3)
  t.strictSame(await user.push('a', deletion), deleted)
  const members = (from: number) =>
    Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`x${from + n}`, n]))
  const wide = (from: number, updatedAt: number) => record('1', { ...members(from), updatedAt })
  t.strictSame((await user.push('a', { records: [wide(0, NOW)] })).rejected, [])
  t.match((await user.push('a', { records: [wide(600, NOW + 1)] })).rejected, [{ reason: /1000 members/ }])
  const { rejected } = await user.push('a', {
    records: [{ ...wide(0, NOW), ...members(600), clientId: '2' }],
  })
  t.match(rejected, [{ clientId: '2', reason: /1000 members/ }])
  t.notOk(user.database.doc('record:a:2'))
})

t.test('a push ends when nobody waits for it, and goes on where it was when it comes again', async t => {
  const user = await newUser()
  const rows = Array.from({ length: 300 }, (_, n) => session({ mode: `m${n}`, updatedAt: NOW + n }))
  const gone = new AbortController()
  const stored = user.database.onChange(() => gone.abort())
  t.teardown(stored)
  await t.rejects(user.push('a', { sessions: rows }, undefined, gone.signal), { name: 'AbortError' })
  t.ok(user.seq() < 100, `${user.seq()}`)
  await user.push('a', { sessions: rows })
  t.equal(user.read(`session:${S1}`).mode, 'm299')
})

t.test('what no app sends is refused as a whole', async t => {
  const user = await newUser()
  const many = (count: number) => ({ sessions: Array.from({ length: count }, () => session()) })
  await t.rejects(user.push('a', many(1001)), { word: 'too_large', message: /^sessions\[1000\]: / })
  t.equal(user.seq(), 0)
  t.throws(() => readPushMessage({ deviceId: 'a', platform: 'x', lastSync: 0, ...many(100_001) }), {
    word: 'too_large',
    message: /100001 rows/,
  })
})

t.test('an update leaves attachments in place', async t => {
  const user = await newUser()
  const id = `session:${S1}`
  const photo = { name: 'p.jpg', contentType: 'image/jpeg', data: Buffer.from('photo') }
  const body = JSON.stringify({ type: 'session', ...session() })
  await user.database.write([{ kind: 'interactive', id, deleted: false, body, attachments: [photo] }])
  await user.push('a', { sessions: [session({ mode: 'x', updatedAt: NOW + 1 })] })
  const winner = user.database.doc(id, { withWinner: true })?.winner
  t.equal(winner?.attachments?.[0]?.name, 'p.jpg')
  t.ok(user.isOwn(id, 'a'))
})

t.test('ten thousand rows take a few seconds, and their replay less', async t => {
  const user = await newUser()
  const sessions = Array.from({ length: 3000 }, (_, n) => session({ clientId: String(n), mode: `m${n}` }))
  const records = Array.from({ length: 7000 }, (_, n) => record(String(n), { sessionId: String(n % 3000) }))
  const start = performance.now()
  const { rejected } = await user.push('a', { sessions, records })
  const pushed = performance.now()
  t.strictSame(rejected, [])
  const seq = user.seq()
  await user.push('a', { sessions, records })
  t.equal(user.seq(), seq)
  t.comment(`${Math.round(pushed - start)} ms, replayed ${Math.round(performance.now() - pushed)} ms`)
  t.ok(pushed - start < 20_000)
})
