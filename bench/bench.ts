import { parseArgs } from 'node:util'
import { type BenchProgram, startBenchProgram } from './bench-program.ts'
import { measureLatency } from './bridge-latency.ts'
import { measureRows } from './bridge-rows.ts'
import { type Measured, tableOf } from './measured.ts'

const USAGE = 'npm run bench -- [--only bridge] [--full]'

/** Something to measure, with a program of its own. */
type Bench = { readonly part: string; readonly run: (program: BenchProgram) => Promise<Measured[]> }

const { values: given } = parseArgs({
  options: { only: { type: 'string' }, full: { type: 'boolean', default: false } },
})

const benches: readonly Bench[] = [
  {
    part: 'bridge',
    run: program => measureRows(program, { databases: 20, docsPerDatabase: given.full ? 10_000 : 4_000 }),
  },
  {
    part: 'bridge',
    run: program =>
      measureLatency(
        program,
        given.full
          ? { databases: 10_000, active: 100, seconds: 60, writesPerSecond: 50 }
          : { databases: 1_000, active: 20, seconds: 10, writesPerSecond: 20 },
      ),
  },
]

const chosen = benches.filter(bench => given.only === undefined || bench.part === given.only)
if (chosen.length === 0) throw new Error(`nothing is named ${given.only}: ${USAGE}`)
for (const bench of chosen) {
  const program = await startBenchProgram()
  // An interrupted benchmark leaves no process behind.
  const interrupted = () => void program.close().finally(() => process.exit(1))
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    console.log(tableOf(await bench.run(program)))
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
    await program.close()
  }
}
