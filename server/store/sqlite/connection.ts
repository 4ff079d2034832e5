import type { DatabaseSyncInstance, DatabaseSyncOptions, StatementSyncInstance } from '@photostructure/sqlite'
import type { OpenDatabase } from './driver.ts'

/** What a column holds and what a parameter may be. */
export type SqlValue = string | number | null | Uint8Array

/**
 * One connection and its prepared statements, kept by their text: callers pass constant texts only. Rows are arrays in
 * the order of the columns, which is a third cheaper than objects.
 */
export class Connection {
  readonly #db: DatabaseSyncInstance
  readonly #statements = new Map<string, StatementSyncInstance>()
  #isAtOnce = false

  constructor(open: OpenDatabase, file: string, options: DatabaseSyncOptions = {}) {
    this.#db = new open(file, options)
  }

  /** Runs statements that answer nothing and are not worth preparing. */
  exec(sql: string): void {
    this.#db.exec(sql)
  }

  /** Runs a statement that answers no row. By the driver's `get`: what its `run` tells of each costs as much as binding eight values. */
  run(sql: string, ...params: SqlValue[]): void {
    this.#prepared(sql).get(...params)
  }

  /** Runs a statement; how many rows it changed. */
  runCounted(sql: string, ...params: SqlValue[]): number {
    return Number(this.#prepared(sql).run(...params).changes)
  }

  row<Row extends readonly SqlValue[]>(sql: string, ...params: SqlValue[]): Row | undefined {
    const row = this.#prepared(sql).get(...params)
    return row === undefined ? undefined : asArray<Row>(row)
  }

  rows<Row extends readonly SqlValue[]>(sql: string, ...params: SqlValue[]): Row[] {
    const rows = this.#prepared(sql).all(...params)
    return Array.isArray(rows[0]) ? rows : rows.map(asArray<Row>)
  }

  /** Rows one by one, for callers that stop when they have enough. */
  *each<Row extends readonly SqlValue[]>(sql: string, ...params: SqlValue[]): Generator<Row, void> {
    for (const row of this.#prepared(sql).iterate(...params)) yield asArray<Row>(row)
  }

  /** Runs reads on one snapshot. One inside another shares its snapshot. */
  atOnce<Result>(read: () => Result): Result {
    if (this.#isAtOnce) return read()
    this.run('begin')
    this.#isAtOnce = true
    try {
      return read()
    } finally {
      this.#isAtOnce = false
      this.run('commit')
    }
  }

  /** On Node 20 the driver holds the file until the connection's statements are collected as garbage. */
  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  #prepared(sql: string): StatementSyncInstance {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    statement.setReturnArrays?.(true)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** Node 22.13 cannot return arrays; its objects list their columns in order, and no statement names one twice. */
function asArray<Row extends readonly SqlValue[]>(row: unknown): Row {
  return (Array.isArray(row) ? row : Object.values(row as Record<string, SqlValue>)) as unknown as Row
}
