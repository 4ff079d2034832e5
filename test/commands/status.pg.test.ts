import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { dataFolderAt } from '../../commands/data-folder.ts'
import { writeRunning } from '../../commands/running.ts'
import { status } from '../../commands/status.ts'
import { mirror } from '../fixtures/mirror.ts'
import { watchedBridge } from '../fixtures/watched-bridge.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const terminal = { isTTY: false, columns: 80, write: () => {}, paint: (_style: string, text: string) => text }

t.test('status says what is there, and no more than it knows', async t => {
  const program = await mirror(t)
  const folder = mkdtempSync(join(tmpdir(), 'divan-status-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let port = '9'
  const screen = async (more: Record<string, string> = {}) => {
    const lines: string[] = []
    const environment = {
      DIVAN_DATA: folder,
      DIVAN_SERVER_URL: program.server.adminUrl,
      DATABASE_URL: program.databaseUrl,
      DIVAN_BRIDGE_PORT: port,
      ...more,
    }
    const print = (line: string) => void lines.push(line)
    const context = { environment, program: '', terminal, print, warn: print }
    return { code: await status({ options: {}, words: [] }, context), text: lines.join('\n') }
  }

  await t.test('a Postgres without a mirror is not up', async t => {
    const { code, text } = await screen()
    t.equal(code, 1)
    t.match(
      text,
      /Postgres .* there is no mirror in it \(no table divan\.dead_letters\)\. Check DATABASE_URL/,
    )
    t.notMatch(text, /Databases|Dead letters/)
  })

  await t.test(
    'a password that URLs write in another way is not shown, and the server is asked all the same',
    async t => {
      const { host } = new URL(program.server.url)
      for (const credentials of ['admin:pä|ss', 'admin', 'admin:']) {
        const { text } = await screen({ DIVAN_SERVER_URL: `http://${credentials}@${host}` })
        t.match(text, new RegExp(`Server +http://${host} +ok$`, 'm'))
        t.notMatch(text, /ss@|admin/)
      }
    },
  )

  const watched = await watchedBridge(t, program.server.adminUrl, program.databaseUrl)
  const bridge = await watched.started
  const user = await program.user()
  await user.write(sessionDoc())
  await user.mirrored()

  await t.test(
    'the port that is set is asked, not the one of another bridge that runs on the folder',
    async t => {
      port = new URL(watched.url).port
      const { serverUrl, databaseUrl } = { serverUrl: program.server.url, databaseUrl: program.databaseUrl }
      const other = { pid: process.pid, serverUrl, bridgeServerUrl: serverUrl, databaseUrl }
      writeRunning(dataFolderAt(folder), { ...other, bridgeUrl: 'http://127.0.0.1:9' })
      const { code, text } = await screen()
      t.equal(code, 0, text)
      t.match(text, /mirrored, all as the server has them$/m)
    },
  )

  await t.test('marks that no bridge makes any more are not taken for the whole', async t => {
    await bridge.close()
    await user.write(sessionDoc())
    const { code, text } = await screen()
    t.equal(code, 1)
    t.match(text, /mirrored, none behind, as far as a bridge has heard$/m)
  })
})
