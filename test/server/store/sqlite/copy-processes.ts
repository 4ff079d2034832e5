import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Promised } from '../../../fixtures/busy-process.ts'
import { compiledScripts } from '../../../fixtures/compiled-scripts.ts'

const SCRIPTS = [
  'test/fixtures/copy-process.ts',
  'test/fixtures/busy-process.ts',
  'server/store/sqlite/writer/writer-worker.ts',
]

export type CopyProcesses = {
  /** Kills what copies a store so many milliseconds after it began. Its exit code if it ended before, and how long it took. */
  copyUntilKilled(
    copy: readonly ['backup' | 'restore' | 'division', file: string, other: string],
    killAfterMs: number,
  ): Promise<{ readonly end: 'killed' | number; readonly ms: number }>
  /** A process that writes to a store until it is killed. It has been promised something when this resolves. */
  busyProcess(file: string): Promise<{ readonly promised: readonly Promised[]; kill(): Promise<void> }>
}

/** The processes of these tests, compiled into a test's folder. */
export function copyProcesses(folder: string): CopyProcesses {
  const [copying = '', busy = ''] = compiledScripts(`${folder}/compiled`, ...SCRIPTS)
  return {
    async copyUntilKilled(copy, killAfterMs) {
      const child = start(copying, copy)
      const exited = once(child, 'exit')
      await Promise.race([once(child, 'message'), exited])
      const beganAt = performance.now()
      const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
      const [code] = await exited
      clearTimeout(timer)
      return { end: code ?? 'killed', ms: performance.now() - beganAt }
    },
    async busyProcess(file) {
      const promised: Promised[] = []
      const child = start(busy, [file])
      child.on('message', (message: Promised) => promised.push(message))
      const exited = once(child, 'exit')
      await Promise.race([once(child, 'message'), exited])
      return {
        promised,
        async kill() {
          child.kill('SIGKILL')
          await exited
        },
      }
    },
  }
}

function start(script: string, args: readonly string[]): ChildProcess {
  return fork(script, [...args], { execArgv: [], env: {}, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}
