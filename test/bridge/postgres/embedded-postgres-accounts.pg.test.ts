import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { startEmbeddedPostgres } from '../../../bridge/postgres/embedded-postgres.ts'
import { embeddedPostgresProcess } from '../../fixtures/embedded-postgres-process.ts'
import { noOtherUsers } from '../../fixtures/others-may-enter.ts'
import { postgresFolder } from '../../fixtures/postgres-folder.ts'
import { query } from '../../fixtures/query.ts'

const NOBODY = 65534

/** Some user who is neither root nor nobody, and needs a name: initdb asks for it. 2 is `bin`. */
const ORDINARY = { uid: 2, gid: 2 }

const needsRoot = { skip: noOtherUsers() }

t.test('for root it runs as nobody where nobody can reach the folder', needsRoot, async t => {
  const folder = postgresFolder(t)
  chmodSync(dirname(folder), 0o755)
  await startsTwice(t, folder)
  t.equal(ownerOf(folder), NOBODY)
})

t.test(
  'for root it runs as root without root under a parent that only root may enter',
  needsRoot,
  async t => {
    const folder = postgresFolder(t)
    chmodSync(dirname(folder), 0o700)
    await startsTwice(t, folder)
    t.equal(ownerOf(folder), 0)
  },
)

t.test('the folder may become reachable, and unreachable again', needsRoot, async t => {
  const folder = postgresFolder(t)
  for (const { mode, owner } of [
    { mode: 0o700, owner: 0 },
    { mode: 0o755, owner: NOBODY },
    { mode: 0o700, owner: 0 },
  ]) {
    chmodSync(dirname(folder), mode)
    const { url, close } = await startEmbeddedPostgres({ folder, fast: true })
    t.teardown(close)
    t.same(await query(url, 'select 1 as one'), [{ one: 1 }])
    await close()
    t.equal(ownerOf(folder), owner)
  }
})

t.test('for an ordinary user it runs as that user', needsRoot, async t => {
  const folder = folderOf(t, ORDINARY)
  const running = await embeddedPostgresProcess(t, folder, ORDINARY)
  t.equal(running.error, '')
  t.same(await query(running.url, 'select 1 as one'), [{ one: 1 }])
  await running.signal('SIGKILL')

  const heir = await embeddedPostgresProcess(t, folder, ORDINARY)
  t.equal(heir.adopted, true)
  await heir.end()
  t.equal(ownerOf(folder), ORDINARY.uid)
})

t.test("root keeps an ordinary user's folder that user's", needsRoot, async t => {
  const folder = folderOf(t, ORDINARY)
  await startsTwice(t, folder)
  t.equal(ownerOf(folder), ORDINARY.uid)
  const again = await embeddedPostgresProcess(t, folder, ORDINARY)
  t.equal(again.error, '')
  await again.end()
})

t.test('a user who may not enter the folder is told so in one line', needsRoot, async t => {
  const folder = postgresFolder(t)
  chmodSync(dirname(folder), 0o755)
  mkdirSync(folder, { mode: 0o700 })
  const { error } = await embeddedPostgresProcess(t, folder, ORDINARY)
  t.match(error, /^EmbeddedPostgresError: The embedded Postgres .*permission denied.*DATABASE_URL/)
  t.notMatch(error, '\n')
})

t.test('a user without a name gets the reason of initdb, in one line', needsRoot, async t => {
  const nameless = { uid: 54321, gid: 54321 }
  const { error } = await embeddedPostgresProcess(t, folderOf(t, nameless), nameless)
  t.match(error, /^EmbeddedPostgresError: .*could not look up effective user ID 54321.*DATABASE_URL/)
  t.notMatch(error, '\n')
})

/** Starts, writes, stops; starts again and reads. */
async function startsTwice(t: Test, folder: string): Promise<void> {
  const first = await startEmbeddedPostgres({ folder, fast: true })
  t.teardown(first.close)
  await query(first.url, "create table memory as select 'kept' as word")
  await first.close()
  const second = await startEmbeddedPostgres({ folder, fast: true })
  t.teardown(second.close)
  t.same(await query(second.url, 'select word from memory'), [{ word: 'kept' }])
  await second.close()
}

function ownerOf(folder: string): number {
  return statSync(join(folder, 'cluster', 'data')).uid
}

/** A folder inside one that belongs to the user, who can enter all its parents. */
function folderOf(t: Test, user: { readonly uid: number; readonly gid: number }): string {
  const folder = postgresFolder(t)
  chmodSync(dirname(folder), 0o755)
  mkdirSync(folder, { mode: 0o700 })
  chownSync(folder, user.uid, user.gid)
  return folder
}
