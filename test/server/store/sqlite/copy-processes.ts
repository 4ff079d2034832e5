import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Promised } from '../../../fixtures/busy-process.ts'

const COPY_PROCESS = fileURLToPath(new URL('../../../fixtures/copy-process.ts', import.meta.url))
const BUSY_PROCESS = fileURLToPath(new URL('../../../fixtures/busy-process.ts', import.meta.url))

/** Kills a backup or a restore so many milliseconds after it began. Its exit code if it ended before, and how long it took. */
export async function copyUntilKilled(
  [kind, file, other]: readonly ['backup' | 'restore', file: string, other: string],
  killAfterMs: number,
): Promise<{ readonly end: 'killed' | number; readonly ms: number }> {
  const child = fork(COPY_PROCESS, [kind, file, other], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exited = once(child, 'exit')
  await Promise.race([once(child, 'message'), exited])
  const beganAt = performance.now()
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  const [code] = await exited
  clearTimeout(timer)
  return { end: code ?? 'killed', ms: performance.now() - beganAt }
}

/** A process that writes to a store until it is killed. It has been promised something when this resolves. */
export async function busyProcess(
  file: string,
): Promise<{ readonly promised: readonly Promised[]; kill(): Promise<void> }> {
  const promised: Promised[] = []
  const child = fork(BUSY_PROCESS, [file], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
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
}
