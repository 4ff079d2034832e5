import assert from 'node:assert/strict'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Report, Request } from '../commands.ts'
import { Chores } from './chores.ts'
import { openWriterConnection } from './open-writer-connection.ts'
import { type CommandRequest, Writer } from './writer.ts'

/**
 * The writer's thread. Commands that arrive while a commit is under way wait in the port's queue and share the next
 * one. Between commits it does its chores.
 */
const GROUP_COST = 2000
/** How long a chore that failed waits. */
const REST_MS = 30_000

async function runWriter(port: MessagePort, file: string): Promise<void> {
  const send = (report: Report) => port.postMessage(report)
  const connection = await openWriterConnection(file)
  const writer = new Writer(connection, line => send({ kind: 'log', line }))
  const chores = new Chores(connection)
  let next: NodeJS.Immediate | undefined
  let resting: NodeJS.Timeout | undefined

  const doChores = () => {
    if (resting !== undefined) return
    next ??= setImmediate(() => {
      next = undefined
      try {
        if (chores.doSlice()) doChores()
      } catch (error) {
        rest(error)
      }
    })
  }
  /** A full disk is no reason to end: nobody waits for a chore. */
  const rest = (error: unknown) => {
    send({
      kind: 'log',
      line: `a chore of the store failed: ${error instanceof Error ? error.stack : error}`,
    })
    resting = setTimeout(() => {
      resting = undefined
      doChores()
    }, REST_MS)
  }
  const close = () => {
    clearImmediate(next)
    clearTimeout(resting)
    connection.exec('pragma optimize; pragma wal_checkpoint(truncate)')
    connection.close()
    port.close()
  }

  port.on('message', (first: Request) => {
    const { commands, controls } = drain(port, first)
    if (commands.length > 0) send(writer.commit(commands))
    for (const control of controls) if (control.control === 'reap') chores.mayRemove(control.db)
    if (controls.some(({ control }) => control === 'close')) close()
    else doChores()
  })
  doChores()
  send({ kind: 'ready' })
}

type Control = Extract<Request, { readonly control: string }>

/** Takes what is queued, up to a cost: a group that is too long would hold up those behind it. */
function drain(port: MessagePort, first: Request) {
  const commands: CommandRequest[] = []
  const controls: Control[] = []
  let cost = 0
  let next: Request | undefined = first
  while (next !== undefined) {
    if ('control' in next) controls.push(next)
    else commands.push(next)
    cost += costOf(next)
    next = cost < GROUP_COST ? receiveMessageOnPort(port)?.message : undefined
  }
  return { commands, controls }
}

/** About the number of documents it could be. */
function costOf(request: Request): number {
  if ('control' in request || request.command.kind !== 'write') return 1
  return request.command.edits.reduce((cost, edit) => cost + 1 + (edit.body.length >> 12), 0)
}

assert(parentPort, 'the writer runs in a worker')
await runWriter(parentPort, workerData)
