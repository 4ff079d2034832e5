import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Target } from '../client/target.ts'

const MAIN = fileURLToPath(new URL(`./bulk-load-main.${import.meta.url.slice(-2)}`, import.meta.url))
/** Until the load is in full swing. */
const WARM_UP_MS = 500

/** Does `work` while another process writes batches of 500 documents as another user, each as soon as the last is answered. */
export async function withBulkLoad<T>(
  target: Target,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly docsPerSecond: number }> {
  const load = fork(MAIN, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  try {
    load.send(target)
    await once(load, 'message')
    await sleep(WARM_UP_MS)
    const result = await work()
    load.send('stop')
    const [docsPerSecond] = await once(load, 'message')
    return { result, docsPerSecond }
  } finally {
    load.kill('SIGKILL')
  }
}
