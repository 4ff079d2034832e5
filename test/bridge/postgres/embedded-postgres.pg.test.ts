import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startEmbeddedPostgres } from '../../../bridge/postgres/embedded-postgres.ts'
import { isPostmaster } from '../../../bridge/postgres/postmaster-pid.ts'
import { embeddedPostgresProcess } from '../../fixtures/embedded-postgres-process.ts'
import { postgresFolder, postmasterPid } from '../../fixtures/postgres-folder.ts'
import { privatePostgres } from '../../fixtures/private-postgres.ts'
import { query } from '../../fixtures/query.ts'

const remember = "create table memory as select 'kept' as word"
const recall = 'select word from memory'
const kept = [{ word: 'kept' }]

/** A process id that belonged to somebody a moment ago. */
const NO_PROCESS = 2 ** 22 - 7

t.test('data and URL survive a restart', async t => {
  const first = await privatePostgres(t)
  await query(first.url, remember)
  await Promise.all([first.close(), first.close()])
  await first.exited
  await t.rejects(query(first.url, recall), { code: 'ECONNREFUSED' })

  const second = await privatePostgres(t, first.folder)
  t.equal(second.url, first.url)
  t.equal(second.adopted, false)
  t.same(await query(second.url, recall), kept)
})

t.test('it is private, durable, and needs no locale of the system', async t => {
  const folder = postgresFolder(t)
  const { url, close } = await startEmbeddedPostgres({ folder })
  t.teardown(close)
  t.match(url, /^postgres:\/\/divan:[0-9a-f]{48}@127\.0\.0\.1:\d+\/divan$/)
  t.equal(statSync(join(folder, 'cluster', 'password')).mode & 0o777, 0o600)
  await t.rejects(query(url.replace(/:[0-9a-f]{48}@/, ':wrong@'), 'select 1'), { code: '28P01' })
  const names = [
    'listen_addresses',
    'unix_socket_directories',
    'fsync',
    'synchronous_commit',
    'server_encoding',
  ]
  const settings = names.map(name => `current_setting('${name}') as ${name}`)
  const sql = `select ${settings.join(', ')}, lower('ÉÜ') as lower, 'B' < 'a' as by_code_point`
  const found = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'on',
    synchronous_commit: 'on',
    server_encoding: 'UTF8',
    lower: 'éü',
    by_code_point: true,
  }
  t.same(await query(url, sql), [found])
})

t.test('one that a killed process left behind is adopted, and then stopped', async t => {
  const folder = postgresFolder(t)
  const killed = await embeddedPostgresProcess(t, folder)
  await query(killed.url, remember)
  await killed.signal('SIGKILL')

  const heir = await privatePostgres(t, folder)
  t.equal(heir.adopted, true)
  t.equal(heir.url, killed.url)
  t.same(await query(heir.url, recall), kept)
  const pid = postmasterPid(folder) ?? 0
  await heir.close()
  t.equal(isPostmaster(pid, join(folder, 'cluster', 'data')), false)
})

t.test('after both were killed it starts anew, and nothing committed is missing', async t => {
  const folder = postgresFolder(t)
  const killed = await embeddedPostgresProcess(t, folder)
  await query(killed.url, remember)
  process.kill(postmasterPid(folder) ?? 0, 'SIGKILL')
  await killed.signal('SIGKILL')

  const next = await privatePostgres(t, folder)
  t.equal(next.adopted, false)
  t.same(await query(next.url, recall), kept)
})

t.test('a stale postmaster.pid does no harm, whoever has that process id now', async t => {
  const { folder, close } = await privatePostgres(t)
  await close()
  const data = join(folder, 'cluster', 'data')
  for (const pid of [NO_PROCESS, process.pid]) {
    const lines = [pid, data, 1700000000, 5432, '', '127.0.0.1', '', 'ready   ', '']
    writeFileSync(join(data, 'postmaster.pid'), lines.join('\n'))
    const next = await privatePostgres(t, folder)
    t.equal(next.adopted, false)
    t.same(await query(next.url, 'select 1 as one'), [{ one: 1 }])
    await next.close()
  }
})

t.test('one that a living process owns is refused, even after a crash of its sessions', async t => {
  const { url, folder } = await privatePostgres(t)
  const owner = "select pid from pg_stat_activity where application_name = 'divan owner'"
  const [first] = await query(url, owner)
  process.kill(Number(first?.pid), 'SIGKILL')
  await until(async () => assert.notEqual((await query(url, owner)).length, 0))
  // Until it has recovered it may also break the connection of who asks.
  const inUse = { name: 'EmbeddedPostgresError', message: /in use by another running process/ }
  await until(() => assert.rejects(startEmbeddedPostgres({ folder, fast: true }), inUse))
  t.same(await query(url, 'select 1 as one'), [{ one: 1 }])
})

t.test('of two processes that start at once on a new folder, one gets it', async t => {
  const folder = postgresFolder(t)
  const both = await Promise.all([embeddedPostgresProcess(t, folder), embeddedPostgresProcess(t, folder)])
  const winners = both.filter(({ error }) => error === '')
  t.equal(winners.length, 1, JSON.stringify(both))
  t.same(await query(winners[0]?.url ?? '', 'select 1 as one'), [{ one: 1 }])
})

t.test('a Ctrl-C in the terminal does not reach it', async t => {
  const owner = await embeddedPostgresProcess(t, postgresFolder(t))
  await owner.signal('SIGINT')
  await sleep(300)
  t.same(await query(owner.url, 'select 1 as one'), [{ one: 1 }])
})

t.test('an initdb that was interrupted leaves nothing behind', async t => {
  const folder = postgresFolder(t)
  const half = join(folder, `making-${NO_PROCESS}`, 'data')
  mkdirSync(half, { recursive: true })
  writeFileSync(join(half, 'PG_VERSION'), '17\n')
  await privatePostgres(t, folder)
  t.same(
    readdirSync(folder).filter(name => name.startsWith('making-')),
    [],
  )
})

async function until<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 50; ; tries--) {
    try {
      return await attempt()
    } catch (error) {
      if (tries === 0) throw error
      await sleep(100)
    }
  }
}
