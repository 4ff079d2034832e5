import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { compiledTwin } from './fixtures/compiled-twin.ts'
import { PROJECT_FOLDER } from './fixtures/project-folder.ts'

/**
 * The whole suite: every test file, compiled, in a plain Node process of its own. `npx tap <file>` runs one from its TypeScript, but
 * the loaders for that cost two seconds of each file, and more of every thread it starts.
 */
/** One more than there are cores here: files of the bridge wait more than they work. */
const AT_A_TIME = availableParallelism() + 1
const TIMEOUT_MS = Number(process.env.DIVAN_TEST_LONG === '1' ? 4 * 3600 : 120) * 1000

// tap puts its loaders there.
const { NODE_OPTIONS: _loaders, ...environment } = process.env

t.jobs = AT_A_TIME
for (const file of testFiles()) {
  const compiled = compiledTwin(join(PROJECT_FOLDER, file)) ?? file
  t.spawn(process.execPath, [compiled], { env: environment, timeout: TIMEOUT_MS, buffered: true }, file)
}

/** From the sources: of a test that was removed, what was compiled may still lie around. */
function testFiles(): string[] {
  return readdirSync(join(PROJECT_FOLDER, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => join('test', file))
    .sort()
}
