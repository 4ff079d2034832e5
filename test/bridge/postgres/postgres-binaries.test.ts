import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { nativeFolder, postgresBinaries } from '../../../bridge/postgres/postgres-binaries.ts'

const VERSION = /^postgres \(PostgreSQL\) \d+/

t.test('a package whose install script did not run gets its library links in the data folder', async t => {
  const { native, folder } = packageWithoutLinks(t)
  const before = readdirSync(join(native, 'lib'))
  const { initdb, postgres } = postgresBinaries(native, folder)
  t.equal(dirname(dirname(dirname(postgres))), folder)
  t.match(execFileSync(postgres, ['--version'], { encoding: 'utf8' }), VERSION)
  t.match(execFileSync(initdb, ['--version'], { encoding: 'utf8' }), /^initdb/)
  t.same(readdirSync(join(native, 'lib')), before, 'the package is not touched')

  t.same(postgresBinaries(native, folder), { initdb, postgres }, 'they are made once')
  writeFileSync(join(dirname(native), 'package.json'), '{"version":"18.0.0"}')
  t.not(postgresBinaries(native, folder).postgres, postgres, 'another version has others')
  t.equal(readdirSync(folder).length, 1, 'and the outdated ones are gone')
})

t.test('a package that has its library links is used as it is', async t => {
  const { native, folder } = packageWithoutLinks(t)
  for (const { source, target } of libraryLinks(native)) {
    symlinkSync(basename(source), join(dirname(native), target))
  }
  const { postgres } = postgresBinaries(native, folder)
  t.equal(postgres, join(native, 'bin', 'postgres'))
  t.match(execFileSync(postgres, ['--version'], { encoding: 'utf8' }), VERSION)
  t.same(readdirSync(folder), [])
})

t.test('a platform without a package is told about DATABASE_URL', async t => {
  t.throws(() => nativeFolder('plan9-mips'), {
    name: 'EmbeddedPostgresError',
    message: /^There is no embedded Postgres for plan9-mips .*DATABASE_URL/,
  })
})

/** This platform's package as npm unpacks it, whatever was done to the real one since; and an empty data folder. */
function packageWithoutLinks(t: Test): { readonly native: string; readonly folder: string } {
  const real = nativeFolder()
  const root = t.testdir({ package: { native: { lib: {} } }, data: {} })
  const native = join(root, 'package', 'native')
  cpSync(join(real, 'bin'), join(native, 'bin'), { recursive: true })
  mkdirSync(join(native, 'share'))
  cpSync(join(real, 'pg-symlinks.json'), join(native, 'pg-symlinks.json'))
  const links = new Set(libraryLinks(native).map(({ target }) => basename(target)))
  for (const name of readdirSync(join(real, 'lib'))) {
    const file = join(real, 'lib', name)
    if (!links.has(name) && existsSync(file)) symlinkSync(file, join(native, 'lib', name))
  }
  cpSync(join(dirname(real), 'package.json'), join(root, 'package', 'package.json'))
  return { native, folder: join(root, 'data') }
}

function libraryLinks(native: string): { readonly source: string; readonly target: string }[] {
  return JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
}
