import { existsSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { rowsOfDocs } from '../../commands/demo/expected-rows.ts'
import { trainingHistory } from '../../commands/demo/training-history.ts'
import { eventually } from '../fixtures/eventually.ts'
import { noOtherUsers } from '../fixtures/others-may-enter.ts'
import { query } from '../fixtures/query.ts'
import {
  isAlive,
  NOBODY,
  newDataFolder,
  npmStart,
  postgresPid,
  runDivan,
  type Started,
  startDivan,
} from './divan-process.ts'

/**
 * `divan start` and `divan demo` as their user meets them: real processes on one data folder, in the order of
 * a first day. Each part goes on where the one before it ended.
 */

const SESSIONS = 30
const history = trainingHistory({ seed: 1, sessions: SESSIONS })
const wanted = Object.fromEntries(rowsOfDocs([...history.docs, ...history.liveDocs, ...history.metricsDocs]))

async function rowCounts(databaseUrl: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of Object.keys(wanted)) {
    const [row] = await query(databaseUrl, `select count(*)::int as rows from ${table}`)
    counts[table] = Number(row?.rows)
  }
  return counts
}

async function demo(t: Parameters<typeof runDivan>[0], dataFolder: string) {
  return await runDivan(t, ['demo', '--sessions', String(SESSIONS)], { DIVAN_DATA: dataFolder })
}

type Parts = { readonly pids: readonly number[] }

function partsOf(divan: Started, dataFolder: string): Parts {
  return { pids: [...divan.pids(), postgresPid(dataFolder)] }
}

async function nothingIsLeft({ pids }: Parts): Promise<void> {
  await eventually(() => pids.every(pid => !isAlive(pid)), `the end of ${pids.join(', ')}`, 15_000)
}

t.test('a first day with Divan', async t => {
  const dataFolder = await newDataFolder(t)
  let url = ''
  let databaseUrl = ''
  let token = ''

  await t.test(
    'the first start prints URLs, the admin, the demo user with a token, and what is next',
    async t => {
      const divan = await startDivan(t, dataFolder)
      url = divan.url
      databaseUrl = divan.databaseUrl
      token = divan.said('Token')
      const me = await fetch(divan.said('Database'), { headers: { authorization: `Bearer ${token}` } })
      t.equal(me.status, 200, 'the token opens /me')
      const basic = Buffer.from(`${divan.said('Admin')}:${divan.said('Password')}`).toString('base64')
      const all = await fetch(`${url}/_all_dbs`, { headers: { authorization: `Basic ${basic}` } })
      t.equal(all.status, 200, 'the password is the admin’s')
      t.match(divan.stdout(), /Next: npx divan demo/)

      await t.test('a second start on the same data folder is one line that names the first', async t => {
        const second = await runDivan(t, ['start'], { DIVAN_DATA: dataFolder })
        t.match(second, { code: 1, stdout: '' })
        t.equal(
          second.stderr,
          `divan: a Divan already runs on the data folder ${dataFolder} (process ${divan.pid}, ${url})\n`,
        )
      })

      await t.test('demo brings every document into Postgres', async t => {
        const { code, stdout, stderr } = await demo(t, dataFolder)
        t.equal(code, 0, stdout + stderr)
        t.strictSame(await rowCounts(databaseUrl), wanted)
        const [deleted] = await query(
          databaseUrl,
          'select doc_id from workout_sessions where deleted_at is not null',
        )
        t.equal(deleted?.doc_id, history.mistake._id)
        for (const table of Object.keys(wanted))
          t.match(stdout, new RegExp(`^  ${table} +${wanted[table]}  \\w+=`, 'm'))
        t.strictSame(
          stdout.split('\n').filter(line => line.length > 110),
          [],
          'the lines fit a screen',
        )
      })

      await t.test('demo again adds nothing', async t => {
        const { code, stdout } = await demo(t, dataFolder)
        t.equal(code, 0, stdout)
        t.match(stdout, 'the server has all documents already')
        t.strictSame(await rowCounts(databaseUrl), wanted)
      })

      await t.test('a dead letter is listed, and replayed', async t => {
        const id = 'session:0b8f7c52-6d0e-4f8e-9a57-1f2d3c4b5a69'
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
        const written = await fetch(`${url}/me/${id}`, {
          method: 'PUT',
          headers,
          body: '{"timestamp":"late"}',
        })
        t.equal(written.status, 201)
        const listed = await eventually(async () => {
          const { stdout } = await runDivan(t, ['dead-letters'], { DIVAN_DATA: dataFolder })
          return stdout.includes(id) && stdout
        }, 'the dead letter')
        t.match(listed, /^1 dead letter: /m)
        const replayed = await runDivan(t, ['dead-letters', 'replay'], { DIVAN_DATA: dataFolder })
        t.match(replayed, { code: 0, stdout: '1 dead letter tried again, 0 mended, 1 left\n', stderr: '' })
      })

      await t.test('both processes tell how they are, and status shows it on one screen', async t => {
        const watch = divan.said('Watch')
        t.equal((await fetch(`${url}/health`)).status, 200)
        t.equal((await fetch(new URL('/health', watch))).status, 200)
        t.match(
          await (await fetch(watch)).text(),
          'divan_dead_letters{entity="session",reason="missing_member"} 1',
        )
        const asked = await fetch(`${url}/metrics`, { headers: { authorization: `Basic ${basic}` } })
        t.match(await asked.text(), 'divan_http_requests_total{method="PUT",route="/:db/:doc",status="2xx"}')
        const { code, stdout, stderr } = await runDivan(t, ['status'], { DIVAN_DATA: dataFolder })
        t.match({ code, stderr }, { code: 0, stderr: '' }, stdout)
        t.match(stdout, /^ {2}Server +http:\S+ +ok\n {2}Bridge +http:\S+ +ok\n {2}Postgres +\S+ +ok\n/)
        t.match(stdout, /^ {2}Databases +\d+ mirrored, all as the server has them$/m)
        t.match(stdout, /^ {2}Dead letters +1; .*\n +1 +session, missing_member$/m)
      })

      await t.test('SIGTERM stops everything', async t => {
        const parts = partsOf(divan, dataFolder)
        divan.kill('SIGTERM')
        t.match(await divan.ended, { code: 0, signal: null })
        await nothingIsLeft(parts)
        await t.rejects(fetch(url))
        t.notOk(existsSync(join(dataFolder, 'running.json')), 'nothing claims to run')
        const { code, stdout } = await runDivan(t, ['status'], { DIVAN_DATA: dataFolder })
        t.equal(code, 1)
        t.match(stdout, /^ {2}Postgres +nothing runs here/m)
      })
    },
  )

  await t.test('a later start goes on where it was, also after a kill -9', async t => {
    const divan = await startDivan(t, dataFolder)
    t.equal(divan.databaseUrl, databaseUrl, 'Postgres keeps its URL')
    t.notMatch(divan.stdout(), 'Password', 'the password is shown once')
    t.strictSame(await rowCounts(databaseUrl), wanted)
    const headers = { authorization: `Bearer ${token}` }
    t.equal((await fetch(`${divan.url}/me`, { headers })).status, 200, 'the first token is still good')
    const bridge = divan.bridgePid()
    divan.kill('SIGKILL')
    await divan.ended
    await eventually(() => !isAlive(bridge), 'the end of the bridge, whose start was killed', 15_000)
  })

  await t.test(
    'bridge and Postgres are started again when they are killed; Ctrl-C stops everything',
    async t => {
      const divan = await startDivan(t, dataFolder)
      t.equal(divan.databaseUrl, databaseUrl)
      const bridge = divan.bridgePid()
      if (bridge > 0) {
        process.kill(bridge, 'SIGKILL')
        await eventually(() => ![0, bridge].includes(divan.bridgePid()), 'another bridge')
        t.match(divan.output(), 'divan: the bridge ended (SIGKILL); it is started again in 1 s')
      }
      const postgres = postgresPid(dataFolder)
      process.kill(postgres, 'SIGKILL')
      await eventually(
        () => divan.output().includes('the embedded Postgres ended'),
        'the line about Postgres',
      )
      await eventually(() => query(databaseUrl, 'select 1'), 'Postgres at its old URL')
      t.not(postgresPid(dataFolder), postgres)
      t.match(await demo(t, dataFolder), { code: 0 })
      const parts = partsOf(divan, dataFolder)
      divan.kill('SIGINT')
      divan.kill('SIGINT')
      t.match(await divan.ended, { code: 0, signal: null }, 'two at once, as under npm, count as one')
      await nothingIsLeft(parts)
    },
  )
})

t.test('an ordinary user can start it too', { skip: noOtherUsers() }, async t => {
  const dataFolder = await newDataFolder(t)
  const user = { uid: NOBODY, gid: NOBODY }
  await chown(join(dataFolder, '..'), NOBODY, NOBODY)
  const divan = await startDivan(t, dataFolder, {}, user)
  const parts = partsOf(divan, dataFolder)
  divan.kill('SIGTERM')
  t.match(await divan.ended, { code: 0 })
  await nothingIsLeft(parts)
})

t.test('SIGTERM to npm start ends npm and everything below it', async t => {
  const dataFolder = await newDataFolder(t)
  const npm = await npmStart(t, dataFolder)
  t.equal((await fetch(`${npm.url}/_up`)).status, 200)
  t.notMatch(npm.stdout(), 'prestart', 'nothing is built again')
  const parts = partsOf(npm, dataFolder)
  if (existsSync('/proc')) t.ok(parts.pids.length >= 4, 'npm, the program, its bridge and Postgres')
  npm.kill('SIGTERM')
  t.match(await npm.ended, { code: 0, signal: null })
  await nothingIsLeft(parts)
  t.notOk(existsSync(join(dataFolder, 'running.json')), 'it was closed, not killed')
})
