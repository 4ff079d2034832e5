import type pg from 'pg'
import type { Queryable } from '../postgres-client.ts'

/**
 * Somebody reads Postgres as it was before the new tables were full. He would find them in their places, and in them no row
 * that was written since: to take a table's place is seen at once by everyone, its rows are not.
 */
export class OldReaders extends Error {
  constructor(pids: readonly number[]) {
    super(
      `transactions that began earlier would see empty tables (pid ${pids.join(', ')} in pg_stat_activity)`,
    )
    this.name = 'OldReaders'
  }
}

/** A moment: who begins to read after it sees all that was committed before it. */
export async function readingMoment(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ readonly moment: string }>(
    'select pg_snapshot_xmax(pg_current_snapshot())::xid::text as moment',
  )
  return String(rows[0]?.moment)
}

/** Throws `OldReaders` if somebody in this database still sees it as it was before that moment. A vacuum takes hours and reads no rows. */
export async function refuseOldReaders(sql: Queryable, moment: string): Promise<void> {
  const { rows } = await sql.query<{ readonly pid: number }>(
    `select pid from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and age(backend_xmin) > age($1::text::xid)
        and pid not in (select pid from pg_stat_progress_vacuum)
      order by pid limit 5`,
    [moment],
  )
  if (rows.length > 0) throw new OldReaders(rows.map(({ pid }) => pid))
}
