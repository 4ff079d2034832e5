import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientAnswer, ClientTask } from './client-main.ts'
import type { Sample } from './rows/row.ts'

const CLIENT = fileURLToPath(new URL(`./client-main.${import.meta.url.slice(-2)}`, import.meta.url))

/** One run of a row for one server, by a client process of its own. */
export async function measureRow(task: ClientTask, signal: AbortSignal): Promise<Sample> {
  const client = fork(CLIENT, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
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
  return answer.sample
}
