import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { type Environment, newDataFolder, runDivan, spawnDivan } from '../divan-process.ts'

/** Runs `divan server`, and gives the environment in which `divan demo` finds it. */
async function environmentOfServer(t: Test): Promise<Environment> {
  const DIVAN_DATA = await newDataFolder(t)
  const server = spawnDivan(t, ['server'], { DIVAN_DATA })
  await eventually(() => server.stdout().includes('Token'), 'the lines of the server')
  return { DIVAN_DATA }
}

t.test('a demo that is stopped leaves nothing of its phone behind', async t => {
  const environment = await environmentOfServer(t)
  const moments = [
    { signal: 'SIGINT', code: 130, moment: ', offline' },
    { signal: 'SIGTERM', code: 143, moment: 'comes online' },
  ] as const
  for (const { signal, code, moment } of moments) {
    await t.test(signal, async t => {
      const TMPDIR = t.testdir()
      const demo = spawnDivan(t, ['demo', '--sessions', '2000'], { ...environment, TMPDIR })
      await eventually(() => demo.stdout().includes(moment), `what shows ${JSON.stringify(moment)}`)
      t.match(readdirSync(TMPDIR), [/^divan-demo-/], 'the phone has its folder')
      demo.kill(signal)
      t.match(await demo.ended, { code, signal: null, stderr: '' })
      t.strictSame(readdirSync(TMPDIR), [])
    })
  }
})

t.test('without a folder for its phone the demo says so in one line', async t => {
  const environment = await environmentOfServer(t)

  const TMPDIR = join(t.testdir(), 'not-here')
  t.match(await runDivan(t, ['demo'], { ...environment, TMPDIR }), {
    code: 1,
    stdout: '',
    stderr: /^divan: the phone finds no place in .*not-here: ENOENT.*; set TMPDIR to .*\n$/,
  })
})
