import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { EmbeddedPostgresError, startEmbeddedPostgres } from '../../../bridge/postgres/embedded-postgres.ts'
import { postmasterPid } from '../../fixtures/postgres-folder.ts'
import { privatePostgres } from '../../fixtures/private-postgres.ts'
import { query } from '../../fixtures/query.ts'

t.test('a port: the wanted one or none, the last one or any', async t => {
  const first = await privatePostgres(t)
  const { folder } = first
  const port = Number(new URL(first.url).port)
  await first.close()

  const other = createServer().listen(port, '127.0.0.1')
  await new Promise(resolve => other.once('listening', resolve))
  t.teardown(() => other.close())
  const wanted = startEmbeddedPostgres({ folder, port, fast: true })
  await t.rejects(
    wanted,
    new EmbeddedPostgresError(`Port ${port} of 127.0.0.1, meant for the embedded Postgres, is taken`),
  )

  const elsewhere = await privatePostgres(t, folder)
  t.not(new URL(elsewhere.url).port, String(port))
  await elsewhere.close()
  await new Promise(resolve => other.close(resolve))
  const back = await startEmbeddedPostgres({ folder, port, fast: true })
  t.teardown(back.close)
  t.equal(back.url, first.url)
})

t.test('a Postgres that does not start gives its own last words, in one line', async t => {
  const { folder, close } = await privatePostgres(t)
  await close()
  const version = join(folder, 'cluster', 'data', 'PG_VERSION')
  writeFileSync(version, '16\n')
  await t.rejects(startEmbeddedPostgres({ folder, fast: true }), {
    name: 'EmbeddedPostgresError',
    message:
      /^The embedded Postgres did not start: FATAL: {2}database files are incompatible with server \(its log: .*postgres\.log\)$/,
  })
  t.equal(postmasterPid(folder), undefined)
  t.match(
    readFileSync(join(folder, 'postgres.log.1'), 'utf8'),
    /database system is shut down/,
    'the log before',
  )
})

t.test('a folder that is no folder', async t => {
  const file = join(t.testdir({ file: '' }), 'file')
  for (const folder of [file, join(file, 'below')]) {
    await t.rejects(startEmbeddedPostgres({ folder, fast: true }), {
      name: 'EmbeddedPostgresError',
      message: /^The embedded Postgres in .* cannot be used: .*DATABASE_URL/,
    })
  }
})

t.test('a bug stays what it is', async t => {
  const bug = new TypeError('folder has no connection')
  const options = {
    get folder(): string {
      throw bug
    },
  }
  const thrown = await startEmbeddedPostgres(options).catch(error => error)
  t.equal(thrown, bug)
})

t.test('its own end is told, and closing it then is no error', async t => {
  const { url, folder, exited, close } = await privatePostgres(t)
  process.kill(postmasterPid(folder) ?? 0, 'SIGINT')
  await exited
  await t.rejects(query(url, 'select 1'), { code: 'ECONNREFUSED' })
  await close()
})
