import type { Transaction } from './transaction.ts'

/** Writes a row that says nothing, so that the commit has a page to bring to the disk. */
export function tryWrite({ connection, now }: Transaction): undefined {
  connection.run("insert or replace into store values ('tried_at', ?)", String(now))
}
