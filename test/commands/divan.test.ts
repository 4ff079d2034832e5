import { randomUUID } from 'node:crypto'
import { chmod, chown, mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import jwt from 'jsonwebtoken'
import t from 'tap'
import { commandTable } from '../../commands/command-table.ts'
import { commandHelp, programHelp } from '../../commands/print-help.ts'
import { noOtherUsers } from '../fixtures/others-may-enter.ts'
import { NOBODY, newDataFolder, PROGRAM, runDivan, spawnDivan, startDivan } from './divan-process.ts'

const SECRET = 'a secret that only these tests know, long enough'

t.test('--help names every command and setting', async t => {
  const { code, stdout, stderr } = await runDivan(t, ['--help'])
  t.equal(code, 0)
  t.equal(stderr, '')
  for (const { name } of commandTable) t.match(stdout, new RegExp(`^  ${name} `, 'm'))
  t.match(stdout, 'DIVAN_MAX_ATTACHMENT_BYTES')
})

t.test('every line of help fits a terminal of 80 columns', async t => {
  const pages = [programHelp(), ...commandTable.map(commandHelp)]
  t.strictSame(
    pages.flat().filter(line => line.length > 80),
    [],
  )
})

t.test('without a command the help is shown, and it is a mistake', async t => {
  const { code, stdout } = await runDivan(t, [])
  t.equal(code, 1)
  t.match(stdout, 'Usage: npx divan <command>')
})

t.test('--version is that of the package', async t => {
  const manifest = JSON.parse(await readFile(join(dirname(PROGRAM), '../package.json'), 'utf8'))
  t.equal((await runDivan(t, ['--version'])).stdout, `${manifest.version}\n`)
})

t.test('a command tells its options', async t => {
  const { code, stdout } = await runDivan(t, ['demo', '--help'])
  t.equal(code, 0)
  t.match(stdout, '--sessions <n>')
})

const mistakes: readonly (readonly [words: readonly string[], line: string])[] = [
  [['strat'], 'divan: command strat is unknown; did you mean start?\n'],
  [['fly'], 'divan: command fly is unknown; see npx divan --help\n'],
  [['--verbose'], 'divan: option --verbose is unknown; see npx divan --help\n'],
  [['start', '--fast'], "divan: Unknown option '--fast'; usage: npx divan start\n"],
  [['start', 'now'], "divan: Unexpected argument 'now'; usage: npx divan start\n"],
  [['token'], 'divan: token needs --user <uuid>: whose token it is\n'],
  [['token', '--user', 'me'], 'divan: --user is "me", but must be a UUID\n'],
  [['demo', '--sessions', 'many'], 'divan: --sessions is "many", but must be a number from 1 to 10000\n'],
  [
    ['bridge'],
    'divan: the bridge alone needs DIVAN_SERVER_URL: what it follows\n' +
      'divan: the bridge alone needs DATABASE_URL: the Postgres it writes to\n',
  ],
]

for (const [words, line] of mistakes) {
  t.test(`divan ${words.join(' ')} is answered with one line for each mistake`, async t => {
    t.match(await runDivan(t, words), { code: 1, stdout: '', stderr: line })
  })
}

t.test('a token is valid for its user and time', async t => {
  const user = randomUUID()
  const environment = { JWT_SECRET: SECRET, JWT_ISSUER: 'me', JWT_AUDIENCE: '' }
  const { code, stdout } = await runDivan(t, ['token', '--user', user, '--expires', '2h'], environment)
  const claims = jwt.verify(stdout.trim(), SECRET, { algorithms: ['HS256'], issuer: 'me' })
  t.equal(code, 0)
  t.match(claims, { sub: user })
  t.hasOwnProps(claims, ['iat', 'exp'])
  t.notMatch(claims, { aud: /./ }, 'an audience that is not checked is not claimed')
  if (typeof claims === 'object') t.equal(Number(claims.exp) - Number(claims.iat), 2 * 3600)
})

t.test('there is no token without a secret', async t => {
  const DIVAN_DATA = await newDataFolder(t)
  const { code, stderr } = await runDivan(t, ['token', '--user', randomUUID()], { DIVAN_DATA })
  t.equal(code, 1)
  t.match(stderr, /^divan: there is no secret to sign with: nothing was started on .*\n$/)
})

t.test('start names every bad setting, and the unknown one, and starts nothing', async t => {
  const { code, stdout, stderr } = await runDivan(t, ['start'], {
    DIVAN_PORT: 'x',
    DATABASE_URL: 'x',
    DIVAN_LOG_LEVEL: 'x',
    DIVAN_HOTS: 'x',
  })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(
    stderr,
    /^divan: DIVAN_PORT .*\ndivan: DATABASE_URL .*\ndivan: DIVAN_LOG_LEVEL .*\ndivan: DIVAN_HOTS .*\n$/,
  )
})

t.test('a taken port is one line, and nothing is left running', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await new Promise(resolve => other.once('listening', resolve))
  const address = other.address()
  const DIVAN_PORT = String(typeof address === 'object' ? address?.port : 0)
  const DIVAN_DATA = await newDataFolder(t)
  const { code, stderr } = await runDivan(t, ['start'], { DIVAN_PORT, DIVAN_DATA })
  t.equal(code, 1)
  t.match(stderr, new RegExp(`^divan: Port ${DIVAN_PORT} of 127.0.0.1 is taken.*DIVAN_PORT.*\\n$`))
})

t.test('start says where its server is, also while the Postgres of DATABASE_URL is down', async t => {
  const DIVAN_DATA = await newDataFolder(t)
  const startedAt = performance.now()
  const divan = await startDivan(t, DIVAN_DATA, { DATABASE_URL: 'postgres://divan:word@127.0.0.1:1/divan' })
  t.ok(performance.now() - startedAt < 12_000, 'soon enough')
  t.match(divan.stdout(), /^ {2}Bridge +not ready yet: /m)
  t.match(divan.output(), 'ECONNREFUSED')
  t.notMatch(divan.stdout(), 'word@')
  t.equal((await fetch(`${divan.url}/_up`)).status, 200)
})

for (const { what, mode } of [
  { what: 'read', mode: 0o300 },
  { what: 'write', mode: 0o500 },
  { what: 'enter', mode: 0o600 },
]) {
  const skip = process.getuid?.() === 0 && noOtherUsers()
  t.test(`a data folder that this user may not ${what} is one line`, { skip }, async t => {
    const DIVAN_DATA = await newDataFolder(t)
    await mkdir(DIVAN_DATA)
    // Root may do all of it, so where the tests run as root it is another user's turn.
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
    if (user.uid !== undefined) await chown(DIVAN_DATA, NOBODY, NOBODY)
    await chmod(DIVAN_DATA, mode)
    t.teardown(() => chmod(DIVAN_DATA, 0o700))
    t.match(await spawnDivan(t, ['start'], { DIVAN_DATA }, user).ended, {
      code: 1,
      stdout: '',
      stderr:
        /^divan: the data folder .* cannot be used: .*; set DIVAN_DATA to a folder this user may write\n$/,
    })
  })
}

t.test('demo says when nothing was ever started, and when nothing runs', async t => {
  const DIVAN_DATA = await newDataFolder(t)
  const never = await runDivan(t, ['demo'], { DIVAN_DATA })
  t.match(never, { code: 1, stderr: /^divan: nothing was ever started on .*npm start.*\n$/ })
  const token = (await runDivan(t, ['token', '--user', randomUUID()], { JWT_SECRET: SECRET })).stdout.trim()
  const absent = await runDivan(t, ['demo', '--url', 'http://127.0.0.1:1', '--token', token], { DIVAN_DATA })
  t.match(absent, { code: 1, stderr: /^divan: no server answers at http:\/\/127.0.0.1:1 .*npm start.*\n$/ })
})
