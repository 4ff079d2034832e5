import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { newDataFolder, runDivan, spawnDivan } from './divan-process.ts'

t.test(
  'a store is divided, copied and brought back by commands; a server with another number does not start',
  async t => {
    const DIVAN_DATA = await newDataFolder(t)
    const run = (words: readonly string[], DIVAN_SHARDS: string) =>
      runDivan(t, words, { DIVAN_DATA, DIVAN_SHARDS })
    const backup = join(dirname(DIVAN_DATA), 'backup')
    const server = spawnDivan(t, ['server'], { DIVAN_DATA, DIVAN_SHARDS: '2' })
    await eventually(() => server.stdout().includes('http://'), 'it runs', 60_000)
    t.match(await run(['reshard', '3'], '2'), {
      code: 1,
      stderr: /^divan: a Divan already runs on the data folder/,
    })
    t.match(await run(['backup', backup], '1'), {
      code: 0,
      stdout: /^.*backup: 1 database, 0 documents, [\d,]+ bytes in 2 files, in [\d.]+ s\n$/,
    })
    server.kill('SIGTERM')
    await server.ended

    t.match(await run(['reshard', '33'], '2'), {
      code: 1,
      stderr: 'divan: the number of files must be a whole number from 1 to 32\n',
    })
    t.match(await run(['reshard', '3'], '2'), {
      code: 0,
      stdout:
        /^divided 1 database, 0 documents, .* in 3 files, in [\d.]+ s\nthe store as it was, to be removed by hand: .*\.replaced-.*\n$/,
      stderr: 'divan: this store is divided over 3 files: from now on start it with DIVAN_SHARDS=3\n',
    })
    t.ok(existsSync(join(DIVAN_DATA, 'store/divan-3.sqlite')))
    t.match(await run(['server'], '1'), {
      code: 1,
      stderr:
        /^divan: .*divan\.sqlite is file 1 of a store of 3 files: set DIVAN_SHARDS=3, or divide it anew with "divan reshard"\n$/,
    })
    t.match(await run(['restore', backup], '2'), {
      code: 0,
      stdout:
        /^restored 1 database, 0 documents, .* in 2 files, in [\d.]+ s\nthe store that was there: .*\n$/,
      stderr: '',
    })
    const again = spawnDivan(t, ['server'], { DIVAN_DATA, DIVAN_SHARDS: '2' })
    await eventually(() => again.stdout().includes('http://'), 'it runs', 60_000)
    again.kill('SIGTERM')
    await again.ended
  },
)
