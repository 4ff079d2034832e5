import { CouchError } from '../../../couch-error.ts'
import type { Answer, Command, CommandKind, CommandOf, Report, Request, Results } from '../commands.ts'
import type { Connection } from '../connection.ts'
import { resultCode, SQLITE_BUSY } from '../result-code.ts'
import { rollback } from '../rollback.ts'
import { CommandQueue } from './command-queue.ts'
import { askCompaction } from './compact.ts'
import { createDatabase, deleteDatabase, findDatabase } from './databases.ts'
import { writeLocalDoc } from './local-docs.ts'
import { closeUpload, openUpload, writeUpload } from './loose-attachments.ts'
import { purge } from './purge.ts'
import { renewUuid } from './renew-uuid.ts'
import { forgetReplicationLogs } from './replication-logs.ts'
import { setRevsLimit } from './revs-limit.ts'
import { toCouchError } from './sqlite-failure.ts'
import { type Changed, newRun, type Run, Transaction } from './transaction.ts'
import { tryWrite } from './try-write.ts'
import { type WriteResult, writeEdits } from './write-edits.ts'

export type CommandRequest = Extract<Request, { readonly command: Command }>
export type Committed = Extract<Report, { readonly kind: 'committed' }>

/**
 * How long one transaction takes up new work. Who comes next waits so long, and for one sync; and five hundred ordinary documents, one
 * slice of a bulk write, share a sync.
 */
const GROUP_MS = 20
/** How long a command works until it is another database's turn. */
const TURN_MS = 2

const NOTHING: Changed = { databases: [], updates: false }

/** A command and how far it has come. */
type Task = CommandRequest & {
  readonly lane: string
  /** Of a write: the results so far. */
  readonly results: WriteResult[]
  /** How many of them are on disk. */
  stored: number
}

/**
 * Applies commands and commits them in groups. Each database has short turns, and a group takes up work for a bounded time only; a
 * write that has not come to its end by then goes on in the next group, behind the turns of others, and is answered after its last
 * part is on disk. A command that is refused leaves the others of its group alone. If anything else fails, the whole
 * group is rolled back and each command tried again in a transaction of its own, so that only the one at fault fails. Where no
 * transaction can begin all that waits fails, but for another process's lock, which is given back some time: for that they wait.
 */
export class Writer {
  readonly run: Run = newRun()
  readonly #connection: Connection
  readonly #log: (line: string) => void
  readonly #now: () => number
  readonly #receive: () => void
  readonly #queue = new CommandQueue<Task>()
  #isLockedOut = false

  /** `receive` adds what has come in the meantime. */
  constructor(
    connection: Connection,
    log: (line: string) => void,
    now = () => performance.now(),
    receive = () => {},
  ) {
    this.#connection = connection
    this.#log = log
    this.#now = now
    this.#receive = receive
  }

  /** Puts a command behind those of its database. */
  add(request: CommandRequest): void {
    const lane = this.#laneOf(request.command)
    this.#queue.add({ ...request, lane, results: [], stored: 0 })
  }

  /** True if no command waits. */
  get isIdle(): boolean {
    return this.#queue.isEmpty
  }

  /** True if the last group could not begin because another process had locked the file: to be tried again after a pause. */
  get isLockedOut(): boolean {
    return this.#isLockedOut
  }

  /** Commits commands to their end. */
  commit(requests: readonly CommandRequest[]): Committed {
    for (const request of requests) this.add(request)
    const groups: Committed[] = []
    while (!this.isIdle) groups.push(this.commitGroup())
    return join(groups)
  }

  /** One transaction for some of the work that waits; the answers are true once this returns. */
  commitGroup(): Committed {
    const failed = this.#begin()
    if (failed !== undefined) return failed
    const tasks = new Set<Task>()
    try {
      return this.#commitTogether(tasks)
    } catch (error) {
      rollback(this.#connection)
      const [only, ...others] = tasks
      if (only !== undefined && others.length === 0) return this.#fail([only], error)
      return this.#commitEach([...tasks])
    }
  }

  /** Begins a transaction. If there can be none: what is to be told those who wait. */
  #begin(): Committed | undefined {
    const wasLockedOut = this.#isLockedOut
    try {
      this.#connection.exec('begin immediate')
      this.#isLockedOut = false
      if (wasLockedOut) this.#log("the store's file is free again: writes go on")
      return undefined
    } catch (error) {
      this.#isLockedOut = resultCode(error) === SQLITE_BUSY
      if (!this.#isLockedOut) return this.#failAll(error)
      if (!wasLockedOut) this.#log("another process has locked the store's file: writes wait for it")
      return report([], NOTHING)
    }
  }

  #commitTogether(tasks: Set<Task>): Committed {
    return this.#transact(tasks, tx => {
      const answers: Answer[] = []
      const end = this.#now() + GROUP_MS
      for (let now = end - GROUP_MS; now < end; now = this.#now()) {
        const task = this.#queue.take() ?? this.#takeArrived()
        if (task === undefined) break
        tasks.add(task)
        const turnEnd = now + TURN_MS
        const answer = work(tx, task, () => this.#now() >= turnEnd)
        if (answer === undefined) this.#queue.putBack(task)
        else answers.push(answer)
      }
      return answers
    })
  }

  /** What came while the group was worked on shares its commit: a list is sent in slices, and the first is done before the last is sent. */
  #takeArrived(): Task | undefined {
    this.#receive()
    return this.#queue.take()
  }

  /** Does again what the tasks of a group that failed had done, each in a transaction of its own. */
  #commitEach(tasks: readonly Task[]): Committed {
    const reached = tasks.map(({ results }) => results.length)
    for (const task of [...tasks].reverse()) this.#takeBack(task)
    const reports: Committed[] = []
    for (const [n, task] of tasks.entries()) {
      const failed = this.#begin()
      reports.push(failed ?? this.#commitAlone(task, reached[n] ?? 0))
      if (failed !== undefined) break
    }
    return join(reports)
  }

  /** Puts a task where it was before the group that failed. */
  #takeBack(task: Task): void {
    task.results.length = task.stored
    this.#queue.drop(task)
    this.#queue.putBack(task)
  }

  /** Works on a task until it is as far as it was. */
  #commitAlone(task: Task, reached: number): Committed {
    this.#queue.drop(task)
    try {
      return this.#transact([task], tx => {
        const answer = work(tx, task, () => task.results.length > reached)
        if (answer !== undefined) return [answer]
        this.#queue.putBack(task)
        return []
      })
    } catch (error) {
      rollback(this.#connection)
      return this.#fail([task], error)
    }
  }

  /** What is done in the transaction that has begun. */
  #transact(tasks: Iterable<Task>, work: (tx: Transaction) => readonly Answer[]): Committed {
    const tx = new Transaction(this.#connection, this.run)
    const answers = work(tx)
    const changed = tx.finish()
    this.#connection.exec('commit')
    if (changed.updates) this.run.updatesEpochTaken = true
    for (const task of tasks) task.stored = task.results.length
    return report(answers, changed)
  }

  #failAll(cause: unknown): Committed {
    const tasks: Task[] = []
    for (let task = this.#queue.take(); task !== undefined; task = this.#queue.take()) tasks.push(task)
    rollback(this.#connection)
    return this.#fail(tasks, cause)
  }

  #fail(tasks: readonly Task[], cause: unknown): Committed {
    const what = tasks.length === 1 ? 'a write' : `${tasks.length} writes`
    this.#log(`${what} failed: ${cause instanceof Error ? cause.stack : cause}`)
    const answers = tasks.map((task): Answer => {
      this.#queue.drop(task)
      const { word, message } = toCouchError(cause, task.stored > 0)
      return { request: task.request, ok: false, word, reason: message }
    })
    return report(answers, NOTHING)
  }

  /** A database is a lane, also for who makes or deletes the one of a name; what belongs to none that is known has its own. */
  #laneOf(command: Command): string {
    if ('db' in command) return `db ${command.db ?? 'all'}`
    if (command.kind === 'renewUuid' || command.kind === 'tryWrite') return command.kind
    if ('key' in command) return `upload ${command.key}`
    const db = this.#find(command.name)
    return db === undefined ? `name ${command.name}` : `db ${db}`
  }

  /** What cannot be read here fails again in the command's transaction, and is answered there. */
  #find(name: string): number | undefined {
    try {
      return findDatabase(this.#connection, name)
    } catch {
      return undefined
    }
  }
}

/** One turn of a task. Undefined: the time was up before it came to its end. */
function work(
  tx: Transaction,
  { request, command, results }: Task,
  isTimeUp: () => boolean,
): Answer | undefined {
  try {
    if (command.kind !== 'write') return { request, ok: true, result: apply(tx, command) }
    writeEdits(tx, command, results, isTimeUp)
    return results.length < command.edits.length ? undefined : { request, ok: true, result: results }
  } catch (error) {
    if (!(error instanceof CouchError)) throw error
    return { request, ok: false, word: error.word, reason: error.message }
  }
}

function apply(tx: Transaction, command: Exclude<Command, CommandOf<'write'>>): Results[CommandKind] {
  switch (command.kind) {
    case 'writeLocalDoc':
      return writeLocalDoc(tx, command)
    case 'createDatabase':
      return createDatabase(tx, command)
    case 'deleteDatabase':
      return deleteDatabase(tx, command)
    case 'forgetReplicationLogs':
      return forgetReplicationLogs(tx, command)
    case 'renewUuid':
      return renewUuid(tx)
    case 'tryWrite':
      return tryWrite(tx)
    case 'setRevsLimit':
      return setRevsLimit(tx, command)
    case 'purge':
      return purge(tx, command)
    case 'compact':
      return askCompaction(tx, command)
    case 'openUpload':
      return openUpload(tx, command)
    case 'writeUpload':
      return writeUpload(tx, command)
    case 'closeUpload':
      return closeUpload(tx, command)
  }
}

function report(answers: readonly Answer[], { databases, updates }: Changed): Committed {
  return { kind: 'committed', answers, changed: databases, updates }
}

function join(reports: readonly Committed[]): Committed {
  const answers = reports.flatMap(({ answers }) => answers)
  const databases = [...new Set(reports.flatMap(({ changed }) => changed))]
  return report(answers, { databases, updates: reports.some(({ updates }) => updates) })
}
