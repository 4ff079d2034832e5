import assert from 'node:assert/strict'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Report, Request } from '../commands.ts'
import { openWriterConnection } from './open-writer-connection.ts'
import { removeSlice } from './remove-deleted.ts'
import { type CommandRequest, Writer } from './writer.ts'

/**
 * The writer's thread. Commands that arrive while a commit is under way wait in the port's queue and share the next
 * one. Between commits it removes what deleted databases left.
 */
const GROUP_COST = 2000

async function runWriter(port: MessagePort, file: string): Promise<void> {
  const send = (report: Report) => port.postMessage(report)
  const connection = await openWriterConnection(file)
  const writer = new Writer(connection, line => send({ kind: 'log', line }))
  let removing: NodeJS.Immediate | undefined

  const removeLater = () => {
    removing ??= setImmediate(() => {
      removing = undefined
      if (removeSlice(connection)) removeLater()
    })
  }
  const close = () => {
    clearImmediate(removing)
    connection.exec('pragma optimize; pragma wal_checkpoint(truncate)')
    connection.close()
    port.close()
  }

  port.on('message', (first: Request) => {
    const { commands, controls } = drain(port, first)
    if (commands.length > 0) send(writer.commit(commands))
    if (controls.has('close')) close()
    else if (controls.has('reap')) removeLater()
  })
  removeLater()
  send({ kind: 'ready' })
}

/** Takes what is queued, up to a cost: a group that is too long would hold up those behind it. */
function drain(port: MessagePort, first: Request) {
  const commands: CommandRequest[] = []
  const controls = new Set<'reap' | 'close'>()
  let cost = 0
  let next: Request | undefined = first
  while (next !== undefined) {
    if ('control' in next) controls.add(next.control)
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
