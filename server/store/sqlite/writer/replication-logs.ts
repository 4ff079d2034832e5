import type { CommandOf, ForgetFrom, Results } from '../commands.ts'
import type { Connection } from '../connection.ts'
import type { Transaction } from './transaction.ts'

/** Of one slice: some milliseconds. */
const SLICE_DATABASES = 200
const SLICE_DOCS = 1000
const SLICE_BYTES = 4 * 1024 * 1024

/** No log is that long: PouchDB keeps 5 sessions in one, CouchDB 50, with sequences of some kB in a large cluster. */
const MAX_LOG_BYTES = 1024 * 1024

/**
 * What a replication log looks like; all else is an app's own. PouchDB keeps `last_seq`, CouchDB and CDTDatastore `source_last_seq`,
 * Cloudant Sync and older CDTDatastores `lastSequence`. `case`, because what SQLite cannot parse, such as very deep nesting, would
 * be an error.
 */
const IS_LOG = `case when octet_length(body) > ${MAX_LOG_BYTES} or not json_valid(body) then 0 else
  coalesce(json_type(body, '$.last_seq'), json_type(body, '$.source_last_seq'), json_type(body, '$.lastSequence')) is not null
  or (json_type(body, '$.session_id') is not null and json_type(body, '$.history') = 'array') end`

/**
 * Deletes the local docs in which replicating clients note how far they are, once in a run of the writer for each database: data
 * goes back in time only while no server runs, and the logs that are written from then on are true.
 */
export function forgetReplicationLogs(
  tx: Transaction,
  { db: first, id, to }: CommandOf<'forgetReplicationLogs'>,
): Results['forgetReplicationLogs'] {
  const { connection, runId } = tx
  const databases = connection.rows<[number]>(
    `select db from databases where db between ? and ? and deleted = 0 and logs_run is not ?
     order by db limit ${SLICE_DATABASES}`,
    first,
    to,
    runId,
  )
  const slice = new Slice(connection)
  for (const [db] of databases) {
    const last = slice.forget(db, db === first ? id : '')
    if (last !== undefined) return { db, id: last }
    connection.run('update databases set logs_run = ? where db = ?', runId, db)
  }
  return next(databases)
}

function next(databases: readonly (readonly [number])[]): ForgetFrom | undefined {
  const last = databases[SLICE_DATABASES - 1]
  return last && { db: last[0] + 1, id: '' }
}

/** All replication logs of a file that no server has open. */
export function deleteReplicationLogs(connection: Connection): void {
  connection.run(`delete from local_docs where ${IS_LOG}`)
}

/** How much of a slice is left. */
class Slice {
  readonly #connection: Connection
  #docs = SLICE_DOCS
  #bytes = SLICE_BYTES

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Deletes the logs after an id. The last id it looked at if the slice has ended before the database. */
  forget(db: number, after: string): string | undefined {
    const logs: string[] = []
    const last = this.#findLogs(db, after, logs)
    for (const id of logs) {
      this.#connection.run('delete from local_docs where db = ? and id = ?', db, id)
    }
    return last
  }

  #findLogs(db: number, after: string, logs: string[]): string | undefined {
    const rows = this.#connection.each<[id: string, bytes: number, isLog: number]>(
      `select id, octet_length(body), ${IS_LOG} from local_docs where db = ? and id > ? order by id`,
      db,
      after,
    )
    for (const [id, bytes, isLog] of rows) {
      if (isLog === 1) logs.push(id)
      this.#docs -= 1
      this.#bytes -= Math.min(bytes, MAX_LOG_BYTES)
      if (this.#docs <= 0 || this.#bytes <= 0) return id
    }
    return undefined
  }
}
