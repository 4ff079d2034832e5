import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientAnswer } from './client-main.ts'
import type { ClientResult, ClientTask } from './client-task.ts'
import type { Sample } from './rows/row.ts'

const CLIENT = fileURLToPath(new URL(`./client-main.${import.meta.url.slice(-2)}`, import.meta.url))

/** Has a client process of its own do this, and ends it when `signal` aborts. */
export async function runClient(task: ClientTask, signal: AbortSignal): Promise<ClientResult> {
  const client = fork(CLIENT, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // JSON would have no NaN, which says that something was not to be had.
    serialization: 'advanced',
    signal,
    killSignal: 'SIGKILL',
  })
  client.on('error', () => undefined)
  client.send(task)
  const [answer] = await Promise.race([
    once(client, 'message') as Promise<[ClientAnswer]>,
    once(client, 'exit').then((): [ClientAnswer] => [{ failure: 'the client ended' }]),
  ])
  signal.throwIfAborted()
  if ('failure' in answer) throw new Error(`${task.key} of ${task.target.name}: ${answer.failure}`)
  return answer.result
}

export async function runRow(task: ClientTask, signal: AbortSignal): Promise<Sample> {
  return (await runClient(task, signal)) as Sample
}

export async function runPoint(task: ClientTask, signal: AbortSignal): Promise<readonly number[]> {
  return (await runClient(task, signal)) as readonly number[]
}
