import assert from 'node:assert/strict'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { CommandKind, Report, Request } from '../commands.ts'
import { Chores } from './chores.ts'
import { openWriterConnection } from './open-writer-connection.ts'
import { Writer } from './writer.ts'

/** How long chores stand back while commands wait without a pause: they must come to their end, too. */
const CHORE_INTERVAL_MS = 50
/** How long a chore that failed waits. */
const REST_MS = 30_000
/** These seldom make a chore. To look for one after each commit would cost a single write as much as its own statements. */
const FREQUENT: ReadonlySet<CommandKind> = new Set(['write', 'writeLocalDoc', 'writeUpload'])
const SOON_MS = 10
/** Some chores are due by the clock, though nobody writes. */
const LOOK_MS = 60_000

/**
 * The writer's thread. Commands that arrive while a commit is under way share the next one. When no command waits it does its
 * chores, one slice at a time. What is next is decided here after each commit and each slice; the event loop does not, it
 * would hand over a thousand messages before anything else has its turn.
 */
async function runWriter(port: MessagePort, file: string): Promise<void> {
  const send = (report: Report) => port.postMessage(report)
  const connection = await openWriterConnection(file)
  const writer = new Writer(connection, line => send({ kind: 'log', line }))
  const chores = new Chores(connection, writer.run, db => send({ kind: 'compacted', db }))
  let isWoken = false
  let resting: NodeJS.Timeout | undefined
  let soon: NodeJS.Timeout | undefined
  let hasChores = true
  let lastChore = performance.now()
  let isClosing = false

  const work = () => {
    isWoken = false
    receiveQueued()
    if (isClosing && writer.isIdle) return close()
    if (!writer.isIdle) {
      send(writer.commitGroup())
      soon ??= setTimeout(look, SOON_MS)
    }
    if (mayDoChore()) doChore()
    if (isClosing || !writer.isIdle || (hasChores && resting === undefined)) goOn()
  }
  const goOn = () => {
    if (!isWoken) setImmediate(work)
    isWoken = true
  }
  const receive = (request: Request) => {
    if ('command' in request) writer.add(request)
    else if (request.control === 'reap') chores.mayRemove(request.db)
    else isClosing = true
    hasChores ||= !('command' in request && FREQUENT.has(request.command.kind))
  }
  const receiveQueued = () => {
    for (let queued = receiveMessageOnPort(port); queued; queued = receiveMessageOnPort(port))
      receive(queued.message)
  }
  const mayDoChore = () =>
    hasChores &&
    !isClosing &&
    resting === undefined &&
    (writer.isIdle || performance.now() - lastChore >= CHORE_INTERVAL_MS)
  const doChore = () => {
    try {
      hasChores = chores.doSlice()
    } catch (error) {
      rest(error)
    }
    lastChore = performance.now()
  }
  /** A full disk is no reason to end: nobody waits for a chore. */
  const rest = (error: unknown) => {
    send({
      kind: 'log',
      line: `a chore of the store failed: ${error instanceof Error ? error.stack : error}`,
    })
    resting = setTimeout(() => {
      resting = undefined
      goOn()
    }, REST_MS)
  }
  const look = () => {
    soon = undefined
    hasChores = true
    goOn()
  }
  const looking = setInterval(look, LOOK_MS)
  const close = () => {
    clearInterval(looking)
    clearTimeout(soon)
    clearTimeout(resting)
    connection.exec('pragma optimize; pragma wal_checkpoint(truncate)')
    connection.close()
    port.close()
  }

  port.on('message', (request: Request) => {
    receive(request)
    receiveQueued()
    goOn()
  })
  goOn()
  send({ kind: 'ready' })
}

assert(parentPort, 'the writer runs in a worker')
await runWriter(parentPort, workerData)
