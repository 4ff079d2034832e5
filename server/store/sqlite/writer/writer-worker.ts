import assert from 'node:assert/strict'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Report, Request } from '../commands.ts'
import type { Connection } from '../connection.ts'
import { type PackedRequest, unpackRequest } from '../packed-request.ts'
import { ChoreClock } from './chore-clock.ts'
import { Chores } from './chores.ts'
import { openWriterConnection } from './open-writer-connection.ts'
import { Writer } from './writer.ts'

/** How long the writer waits for another process's lock, after SQLite's own wait of some seconds. */
const LOCK_PAUSE_MS = 100

/**
 * The writer's thread. Commands that arrive while a commit is under way share the next one. When no command waits it does its
 * chores, one slice at a time. What is next is decided here after each commit and each slice; the event loop does not, it
 * would hand over a thousand messages before anything else has its turn.
 */
class WriterThread {
  readonly #port: MessagePort
  readonly #connection: Connection
  readonly #writer: Writer
  readonly #chores: Chores
  readonly #clock = new ChoreClock()
  #timer: NodeJS.Timeout | undefined
  #isWoken = false
  #isClosing = false

  constructor(port: MessagePort, connection: Connection) {
    this.#port = port
    this.#connection = connection
    this.#writer = new Writer(
      connection,
      line => this.#log(line),
      () => performance.now(),
      () => this.#receiveQueued(),
    )
    this.#chores = new Chores(connection, this.#writer.run, db => this.#send({ kind: 'compacted', db }))
  }

  /** Listens to the port until it is told to close. */
  start(): void {
    this.#port.on('message', (requests: readonly PackedRequest[]) => {
      this.#receiveAll(requests)
      this.#receiveQueued()
      if (!this.#writer.isLockedOut) this.#wake(0)
    })
    this.#wake(0)
    this.#send({ kind: 'ready' })
  }

  #receiveAll(requests: readonly PackedRequest[]): void {
    for (const request of requests) this.#receive(unpackRequest(request))
  }

  #receive(request: Request): void {
    if ('command' in request) {
      this.#writer.add(request)
      this.#clock.asked(request.command.kind)
    } else if (request.control === 'reap') {
      this.#chores.mayRemove(request.db)
      this.#clock.asked('reap')
    } else this.#isClosing = true
  }

  #receiveQueued(): void {
    let queued = receiveMessageOnPort(this.#port)
    for (; queued; queued = receiveMessageOnPort(this.#port)) this.#receiveAll(queued.message)
  }

  /** Works once more, after so many milliseconds or when it is woken before. */
  #wake(ms: number): void {
    if (ms > 0) this.#timer = setTimeout(() => this.#wake(0), ms)
    else if (!this.#isWoken) {
      this.#isWoken = true
      setImmediate(() => this.#work())
    }
  }

  #work(): void {
    this.#isWoken = false
    clearTimeout(this.#timer)
    this.#receiveQueued()
    if (this.#isClosing && this.#writer.isIdle) this.#close()
    else this.#workOnce()
  }

  #workOnce(): void {
    if (!this.#writer.isIdle) this.#commit()
    if (this.#writer.isLockedOut) {
      this.#wake(LOCK_PAUSE_MS)
      return
    }
    if (!this.#isClosing && this.#clock.isTurn(this.#writer.isIdle)) this.#doChore()
    this.#wake(this.#isClosing || !this.#writer.isIdle ? 0 : this.#clock.waitMs)
  }

  #commit(): void {
    const begun = performance.now()
    const committed = this.#writer.commitGroup()
    const ms = this.#writer.isLockedOut ? undefined : performance.now() - begun
    this.#send({ ...committed, ms })
    this.#clock.committed()
  }

  #doChore(): void {
    try {
      this.#clock.ended(this.#chores.doSlice())
    } catch (error) {
      this.#clock.failed()
      this.#log(`a chore of the store failed: ${error instanceof Error ? error.stack : error}`)
    }
  }

  #close(): void {
    this.#connection.exec('pragma optimize; pragma wal_checkpoint(truncate)')
    this.#connection.close()
    this.#port.close()
  }

  #send(report: Report): void {
    this.#port.postMessage(report)
  }

  #log(line: string): void {
    this.#send({ kind: 'log', line })
  }
}

assert(parentPort, 'the writer runs in a worker')
new WriterThread(parentPort, await openWriterConnection(workerData)).start()
