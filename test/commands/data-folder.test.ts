import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { dataFolderAt, openDataFolder } from '../../commands/data-folder.ts'
import { forgetRunning, readRunning, writeRunning } from '../../commands/running.ts'
import { keepAdminPasswordHash, readOrMakeSecrets, readSecrets } from '../../commands/secrets.ts'

t.test('the folder is made with its parents, and what is secret in it is closed', async t => {
  const folder = openDataFolder(join(t.testdir(), 'some/where'))
  readOrMakeSecrets(folder)
  t.equal(statSync(folder.store).mode & 0o777, 0o700)
  t.equal(statSync(folder.secrets).mode & 0o777, 0o600)
})

t.test('a file in its place is one clear line', async t => {
  const path = join(t.testdir({ file: 'text' }), 'file')
  t.throws(() => openDataFolder(path), {
    name: 'OperatorError',
    message: /^the data folder .*file cannot be used: /,
  })
})

t.test('the secrets are made once and stay', async t => {
  const folder = openDataFolder(t.testdir())
  t.equal(readSecrets(folder), undefined)
  const made = readOrMakeSecrets(folder)
  t.strictSame(readOrMakeSecrets(folder), { ...made, adminPasswordHash: undefined })
  t.ok(made.jwtSecret.length >= 43, 'as long as its hash')
})

t.test('the hash of the password is kept beside the secrets, and no draft is left', async t => {
  const folder = openDataFolder(t.testdir())
  const made = readOrMakeSecrets(folder)
  keepAdminPasswordHash(folder, made, 'a hash')
  t.strictSame(readSecrets(folder), { ...made, adminPasswordHash: 'a hash' })
  t.strictSame(readdirSync(folder.path).sort(), ['secrets.json', 'store'])
})

for (const text of ['', '{', '[]', '{"jwtSecret":1}', '{"jwtSecret":"x"}']) {
  t.test(`damaged secrets are refused, never replaced: ${text}`, async t => {
    const folder = openDataFolder(t.testdir())
    writeFileSync(folder.secrets, text)
    t.throws(() => readOrMakeSecrets(folder), { name: 'OperatorError', message: /secrets.json is damaged/ })
  })
}

t.test('what runs is noted for this user alone, and forgotten', async t => {
  const folder = dataFolderAt(t.testdir())
  t.equal(readRunning(folder), undefined)
  const running = {
    pid: 1,
    serverUrl: 'http://a',
    bridgeServerUrl: 'http://n:p@a',
    databaseUrl: 'postgres://b',
    bridgeUrl: 'http://c',
  }
  writeRunning(folder, running)
  t.equal(statSync(folder.running).mode & 0o777, 0o600)
  t.strictSame(readRunning(folder), running)
  forgetRunning(folder)
  t.equal(readRunning(folder), undefined)
})
