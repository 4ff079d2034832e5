import { typeOfId } from '../design-docs/doc-id.ts'
import type { FailedChange } from './plan.ts'
import type { Queryable } from './postgres-client.ts'
import { storableText } from './storable-text.ts'

/** Reasons of Postgres may quote a value of any length. */
const MAX_REASON_LENGTH = 1000

/**
 * Writes letters, in the transaction that moves the cursor past their changes. A document has one letter: a later
 * bad revision replaces what it says and keeps since when it fails. Returns how many tell something new: those of documents
 * that had none, or one of another revision.
 */
export async function writeLetters(
  sql: Queryable,
  database: string,
  letters: readonly FailedChange[],
): Promise<number> {
  if (letters.length === 0) return 0
  // A document may fail twice: its revision is bad, and Postgres refuses to let the row of an older one go.
  const first = new Map(letters.toReversed().map(letter => [letter.change.id, letter]))
  const rows = [...first.values()].map(({ change, rev, problem }) => ({
    doc_id: storableText(change.id),
    rev: rev === undefined ? null : storableText(rev),
    entity: storableText(typeOfId(change.id)),
    path: problem.path === '' ? null : storableText(problem.path),
    // Cut before: a cut may leave half of a character, or of an escape.
    reason: storableText(problem.reason.slice(0, MAX_REASON_LENGTH)),
    seq: change.seq,
  }))
  // All parts of a statement see what was there before it: `known` is the letters as they were.
  const written = await sql.query<{ readonly told: number }>(
    `with n as materialized (
       select * from json_to_recordset($2::json) as
              n(doc_id text, rev text, entity text, path text, reason text, seq text)
     ), known as materialized (
       select l.doc_id, l.rev from divan.dead_letters l join n on md5(l.doc_id) = md5(n.doc_id)
        where l.database = $1
     ), written as (
       insert into divan.dead_letters as l (database, doc_id, rev, entity, path, reason, seq)
       select $1, n.doc_id, n.rev, n.entity, n.path, n.reason, n.seq from n
       on conflict (database, md5(doc_id)) do update
         set rev = excluded.rev, entity = excluded.entity, path = excluded.path, reason = excluded.reason,
             seq = excluded.seq, last_failed_at = now(), attempts = l.attempts + 1
       returning doc_id, rev
     )
     select count(*)::int as told from written w
      where not exists (select from known k where k.doc_id = w.doc_id and k.rev is not distinct from w.rev)`,
    [database, JSON.stringify(rows)],
  )
  return written.rows[0]?.told ?? 0
}

/** Whether there are letters to close. Only who holds the checkpoint of a database writes some. */
export async function hasLetters(sql: Queryable, database: string): Promise<boolean> {
  const { rows } = await sql.query<{ readonly has: boolean }>(
    'select exists (select from divan.dead_letters where database = $1) as has',
    [database],
  )
  return rows[0]?.has === true
}

/** Closes the letters of documents that have rows now, or are deleted. Most have none. Returns how many had. */
export async function closeLetters(
  sql: Queryable,
  database: string,
  docIds: readonly string[],
): Promise<number> {
  if (docIds.length === 0) return 0
  const { rowCount } = await sql.query(
    `delete from divan.dead_letters
      where database = $1 and md5(doc_id) in (select md5(id) from unnest($2::text[]) id)`,
    [database, docIds.map(storableText)],
  )
  return rowCount ?? 0
}

/** Takes away the letters that this transaction has not written: all documents of the database were read in it. */
export async function dropOldLetters(sql: Queryable, database: string): Promise<void> {
  // The time of a transaction is that of its beginning, from the first statement to the last.
  await sql.query('delete from divan.dead_letters where database = $1 and last_failed_at <> now()', [
    database,
  ])
}

/** Takes away all letters of a database. Returns how many there were. */
export async function dropLetters(sql: Queryable, database: string): Promise<number> {
  const { rowCount } = await sql.query('delete from divan.dead_letters where database = $1', [database])
  return rowCount ?? 0
}
