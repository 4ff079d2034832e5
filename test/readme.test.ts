import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type Environment, PROGRAM, spawnDivan } from './commands/divan-process.ts'
import { eventually } from './fixtures/eventually.ts'
import { httpClient } from './fixtures/http-client.ts'
import { phone as openPhone } from './fixtures/phone.ts'
import { PROJECT_FOLDER } from './fixtures/project-folder.ts'
import { query } from './fixtures/query.ts'

const ADMIN_PASSWORD = 'password-of-the-readme'

/** The README's blocks of one language, in their order. */
async function blocks(language: string): Promise<string[]> {
  const readme = await readFile(join(PROJECT_FOLDER, 'README.md'), 'utf8')
  return Array.from(readme.matchAll(/^```(\w+)\n(.*?)^```$/gms))
    .filter(([, of]) => of === language)
    .map(([, , text = '']) => text)
}

async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'divan-readme-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** `npm start` without npm; what the README's commands find is in the data folder. */
async function program(t: Test) {
  const folder = await temporaryFolder(t)
  const environment: Environment = {
    PATH: process.env.PATH ?? '',
    DIVAN_DATA: join(folder, 'data'),
    DIVAN_ADMIN_PASSWORD: ADMIN_PASSWORD,
  }
  const running = spawnDivan(t, ['start'], environment)
  await eventually(() => running.stdout().includes('npx divan demo'), 'the first lines', 60_000)
  const text = await readFile(join(folder, 'data/running.json'), 'utf8')
  const urls = JSON.parse(text) as Record<'serverUrl' | 'databaseUrl' | 'bridgeUrl', string>
  const stop = async () => {
    running.kill('SIGTERM')
    await running.ended
  }
  return { folder, environment, stop, ...urls }
}

t.test('every block of the README that can be pasted does what it says', async t => {
  const { folder, environment, serverUrl, bridgeUrl, databaseUrl, stop } = await program(t)
  const here = (text: string) =>
    text
      .replaceAll('127.0.0.1:5984', new URL(serverUrl).host)
      .replaceAll('127.0.0.1:5985', new URL(bridgeUrl).host)

  async function shell(text: string): Promise<string> {
    const script = here(text).replaceAll('npx divan', `${process.execPath} ${PROGRAM}`)
    const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], {
      cwd: folder,
      env: { ...environment, ADMIN_PASSWORD },
    })
    return stdout
  }

  const [token = '', legacy = '', admin = '', operator = '', backup = '', restore = '', ...moreShell] =
    await blocks('sh')
  const [phone = '', rxdb = '', ...moreScripts] = await blocks('js')
  const [legacySql = '', sql = '', ...moreSql] = await blocks('sql')
  t.same([moreShell, moreScripts, moreSql], [[], [], []], 'no block is left out of this test')

  const TOKEN = await shell(`${token}printf %s "$TOKEN"`)
  t.match(TOKEN, /^[\w-]+\.[\w-]+\.[\w-]+$/, 'a token')

  await symlink(join(PROJECT_FOLDER, 'node_modules'), join(folder, 'node_modules'))
  const run = async (name: string, script: string) => {
    await writeFile(join(folder, name), here(script))
    const app = spawn(process.execPath, [name], {
      cwd: folder,
      env: { PATH: process.env.PATH, TOKEN },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(async () => {
      if (app.exitCode === null && app.kill()) await once(app, 'exit')
    })
    let said = ''
    app.stdout.on('data', text => {
      said += text
    })
    return { app, said: () => said }
  }
  const { app, said: saidByPhone } = await run('phone.mjs', phone)
  const rows = await eventually(async () => {
    const rows = await query(databaseUrl, sql)
    return rows.length > 0 ? rows : undefined
  }, 'the row of the phone')
  t.match(rows, [{ exercise_name: 'Bench press', weight_per_cable_kg: 42.5 }])
  await eventually(() => saidByPhone().includes('sent 1 documents; waiting'), 'it says what it did')
  t.equal(app.exitCode, null, 'the phone stays online')
  const other = await run('rxdb-phone.mjs', rxdb)
  await eventually(() => other.said() === 'Bench press\n', 'RxDB has what PouchDB wrote')
  await eventually(() => other.app.exitCode === 0, 'and ends')

  const synced = await shell(legacy)
  for (const part of ['"isPremium":false', '"rejected":[]', '"serverId":"', '"uploaded":2', '"velocity":0.5'])
    t.match(synced, part, 'the script of the app that cannot replicate')
  const login = { email: 'ann@example.org', password: 'correct horse' }
  const { json: ann } = await httpClient(serverUrl, '').post('/api/auth/login', login)
  const { local, remote } = await openPhone(t, serverUrl, ann.token)
  const live = local.sync(remote, { live: true })
  const weight = async () => {
    const doc = await local.get('session:0f8fad5b-d9cb-469f-a165-70867728950e').catch(() => undefined)
    return doc?.weightPerCableKg
  }
  await eventually(async () => (await weight()) === 60.5, 'PouchDB has what the app pushed')
  const later = legacy.replace('"weightPerCableKg": 60.5', '"weightPerCableKg": 62.5')
  await shell(later.replace('"updatedAt": 1767225600000', '"updatedAt": 1767225600001'))
  await eventually(async () => (await weight()) === 62.5, 'and gets live what is pushed then')
  live.cancel()
  const [row] = await eventually(async () => {
    const rows = await query(databaseUrl, legacySql)
    return rows[0]?.weight_per_cable_kg === 62.5 && rows[0].samples === 2 ? rows : undefined
  }, 'the rows of the app')
  t.match(row, { email: 'ann@example.org', exercise_name: 'Deadlift', samples: 2, peak_load: 61 })

  const answers = await shell(admin)
  const userDb = `userdb-${Buffer.from('6f1c2a34-9d5b-4c1e-8a70-2f6f1e0b9a11').toString('hex')}`
  t.match(answers, userDb, 'the admin sees the database of the user')
  t.match(answers, '"last_seq"', 'and the feed of changed databases')

  const said = await shell(operator)
  t.match(said, 'DIVAN_PORT', 'help lists the settings')
  t.match(said, /^ {2}Postgres +\S+ +ok$/m, 'status')
  t.match(said, 'nothing to make anew', 'a rebuild')
  t.equal(said.match(/^\{"status":"ok"\}$/gm)?.length, 2, 'the health of both')

  t.match(await shell(backup), /backup\.sqlite: \d+ databases, [1-9]\d* documents?, /, 'while it runs')
  t.match(await readFile(join(folder, 'secrets-of-the-backup.json'), 'utf8'), 'jwtSecret')
  await stop()
  t.match(await shell(restore), /^restored \d+ databases, [1-9].*\nthe store that was there: .*\.replaced-/)
})

t.test('the README says of every package why it is there', async t => {
  const readme = await readFile(join(PROJECT_FOLDER, 'README.md'), 'utf8')
  const manifest: Record<string, object> = JSON.parse(
    await readFile(join(PROJECT_FOLDER, 'package.json'), 'utf8'),
  )
  const packages = [manifest.dependencies, manifest.devDependencies].flatMap(list => Object.keys(list ?? {}))
  const table = readme.slice(readme.indexOf('### Why each package'))
  const missing = packages.filter(name => !name.startsWith('@types/') && !table.includes(`\`${name}\``))
  t.strictSame(missing, [])
})
