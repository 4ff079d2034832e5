import { randomBytes } from 'node:crypto'
import type { Answer, Command, Report, Request, Results } from '../commands.ts'
import type { Connection } from '../connection.ts'
import { askCompaction } from './compact.ts'
import { createDatabase, deleteDatabase } from './databases.ts'
import { writeLocalDoc } from './local-docs.ts'
import { closeUpload, openUpload, writeUpload } from './loose-attachments.ts'
import { purge } from './purge.ts'
import { forgetReplicationLogs } from './replication-logs.ts'
import { setRevsLimit } from './revs-limit.ts'
import { rollback } from './rollback.ts'
import { toCouchError } from './sqlite-failure.ts'
import { type Changed, type Run, Transaction } from './transaction.ts'
import { writeEdits } from './write-edits.ts'

export type CommandRequest = Extract<Request, { readonly command: Command }>
export type Committed = Extract<Report, { readonly kind: 'committed' }>

/**
 * Applies commands and commits them in groups. A command that is refused has written nothing and leaves the others
 * of its group alone. If anything else fails, the whole group is rolled back and each command tried again in a
 * transaction of its own, so that only the one at fault fails.
 */
export class Writer {
  readonly #connection: Connection
  readonly #log: (line: string) => void
  readonly #run: Run = { id: randomBytes(8).toString('hex'), updatesEpochTaken: false }

  constructor(connection: Connection, log: (line: string) => void) {
    this.#connection = connection
    this.#log = log
  }

  /** One transaction for all of them; the answers are true once this returns. */
  commit(requests: readonly CommandRequest[]): Committed {
    try {
      return this.#commitTogether(requests)
    } catch (error) {
      rollback(this.#connection)
      const [only, ...others] = requests
      if (only !== undefined && others.length === 0) return this.#fail(only, error)
      return join(requests.map(request => this.commit([request])))
    }
  }

  #commitTogether(requests: readonly CommandRequest[]): Committed {
    this.#connection.exec('begin immediate')
    const tx = new Transaction(this.#connection, this.#run)
    const answers = requests.map(request => answer(tx, request))
    const changed = tx.finish()
    this.#connection.exec('commit')
    if (changed.updates) this.#run.updatesEpochTaken = true
    return report(answers, changed)
  }

  #fail({ request }: CommandRequest, cause: unknown): Committed {
    this.#log(`a write failed: ${cause instanceof Error ? cause.stack : cause}`)
    const { word, message } = toCouchError(cause)
    return report([{ request, ok: false, word, reason: message }], { databases: [], updates: false })
  }
}

function answer(tx: Transaction, { request, command }: CommandRequest): Answer {
  try {
    return { request, ok: true, result: apply(tx, command) }
  } catch (error) {
    const refusal = toCouchError(error)
    if (refusal !== error) throw error
    return { request, ok: false, word: refusal.word, reason: refusal.message }
  }
}

function apply(tx: Transaction, command: Command): Results[Command['kind']] {
  switch (command.kind) {
    case 'write':
      return writeEdits(tx, command)
    case 'writeLocalDoc':
      return writeLocalDoc(tx, command)
    case 'createDatabase':
      return createDatabase(tx, command)
    case 'deleteDatabase':
      return deleteDatabase(tx, command)
    case 'forgetReplicationLogs':
      return forgetReplicationLogs(tx, command)
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
