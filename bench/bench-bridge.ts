import { type BenchProgram, startBenchProgram } from './bench-program.ts'
import { measureLatency } from './bridge-latency.ts'
import { measureRows } from './bridge-rows.ts'
import type { Measured } from './measured.ts'

/** What the bridge reaches, each part with a program of its own. */
export async function benchBridge(full: boolean): Promise<Measured[]> {
  const rows = await withProgram(program =>
    measureRows(program, { databases: 20, docsPerDatabase: full ? 10_000 : 4_000 }),
  )
  const latency = await withProgram(program =>
    measureLatency(
      program,
      full
        ? { databases: 10_000, active: 100, seconds: 60, writesPerSecond: 50 }
        : { databases: 1_000, active: 20, seconds: 10, writesPerSecond: 20 },
    ),
  )
  return [...rows, ...latency]
}

async function withProgram(measure: (program: BenchProgram) => Promise<Measured[]>): Promise<Measured[]> {
  const program = await startBenchProgram()
  try {
    return await measure(program)
  } finally {
    await program.close()
  }
}
