import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROJECT_FOLDER } from '../fixtures/project-folder.ts'

const { bin } = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as {
  readonly bin: { readonly divan: string }
}

t.test('what npx runs is there before anything is built, and says what to do', async t => {
  t.ok(statSync(join(PROJECT_FOLDER, bin.divan)).mode & 0o100, 'it is executable')
  const folder = t.testdir({ 'package.json': '{"type":"module"}' })
  cpSync(join(PROJECT_FOLDER, bin.divan), join(folder, bin.divan))
  const run = () =>
    spawnSync(process.execPath, [join(folder, bin.divan), 'token', '--help'], { encoding: 'utf8' })
  t.match(run(), { status: 1, stdout: '', stderr: 'divan: it is not built yet; first run: npm run build\n' })
  mkdirSync(join(folder, 'dist'))
  writeFileSync(
    join(folder, 'dist/divan.js'),
    'console.log(process.argv.slice(2).join()); process.exitCode = 3',
  )
  t.match(run(), { status: 3, stdout: 'token,--help\n', stderr: '' })
})
