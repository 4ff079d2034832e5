import t from 'tap'
import { statusLines } from '../../commands/status-lines.ts'

const paint = (_style: string, text: string) => text
const parts = [
  { name: 'Server', where: 'http://127.0.0.1:5984', isUp: true, words: 'ok' },
  { name: 'Bridge', where: 'http://127.0.0.1:5985', isUp: false, words: 'waiting;\u001b[31m postgres' },
  { name: 'Postgres', where: '', isUp: false, words: 'nothing runs here' },
]

t.test('parts stand below each other, and nothing they say steers the terminal', async t => {
  t.strictSame(statusLines(parts, undefined, paint), [
    '  Server        http://127.0.0.1:5984  ok',
    '  Bridge        http://127.0.0.1:5985  waiting;\ufffd[31m postgres',
    '  Postgres                             nothing runs here',
  ])
})

t.test('what is wrong with a part that is up stands below it', async t => {
  const notes = ['userdb-1 cannot be mirrored since noon: it answers 500', 'and 2 other databases']
  const part = { name: 'Bridge', where: 'http://127.0.0.1:5985', isUp: true, words: 'ok', notes }
  t.strictSame(statusLines([part], undefined, paint), [
    '  Bridge        http://127.0.0.1:5985  ok',
    '                userdb-1 cannot be mirrored since noon: it answers 500',
    '                and 2 other databases',
  ])
})

t.test('what lags is named, the worst first, and letters by their reason', async t => {
  const lagging = [7200, 600, 60, 4, 3, 2].map((seconds, n) => ({ database: `userdb-${n}`, seconds }))
  const letters = [
    { entity: 'session', kind: 'wrong_kind', count: 12 },
    { entity: 'unknown', kind: 'unknown_type', count: 1 },
  ]
  const lastBatchAt = new Date(Date.now() - 3 * 86_400_000)
  const counts = { databases: 10_000, dirty: 6, lagging, letters, lastBatchAt }
  const lines = statusLines(parts, { ...counts, isFollowed: true }, paint)
  t.strictSame(lines.slice(3), [
    '',
    '  Databases     10000 mirrored, 6 behind, the first for 2 h',
    '                2 h     userdb-0',
    '                10 min  userdb-1',
    '                60 s    userdb-2',
    '                4 s     userdb-3',
    '                3 s     userdb-4',
    `  Last batch    3 d ago, ${lastBatchAt.toISOString().slice(0, 19)}Z`,
    '  Dead letters  13; npx divan dead-letters tells what is wrong with each',
    '                12      session, wrong_kind',
    '                1       unknown, unknown_type',
  ])
})

t.test('a mirror that is new says so', async t => {
  const empty = { databases: 0, dirty: 0, lagging: [], letters: [], lastBatchAt: undefined, isFollowed: true }
  t.match(statusLines(parts, empty, paint).slice(4), [
    /0 mirrored, all as the server has them$/,
    /Last batch +none yet$/,
    /Dead letters +none/,
  ])
})

t.test('while no bridge hears of changes nothing is said to be as the server has it', async t => {
  const clean = {
    databases: 7,
    dirty: 0,
    lagging: [],
    letters: [],
    lastBatchAt: undefined,
    isFollowed: false,
  }
  t.match(statusLines(parts, clean, paint)[4], /7 mirrored, none behind, as far as a bridge has heard$/)
  const behind = { ...clean, dirty: 1, lagging: [{ database: 'userdb-1', seconds: 9 }] }
  t.match(
    statusLines(parts, behind, paint)[4],
    /7 mirrored, 1 behind, the first for 9 s, as far as a bridge has heard$/,
  )
})
