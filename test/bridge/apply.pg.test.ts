import t from 'tap'
import { removeRows } from '../../bridge/apply.ts'
import { inTransaction, openPool } from '../../bridge/postgres-client.ts'
import { prepareSchema } from '../../bridge/schema/migrations.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'

const OWNERS = ['0b3f5c1e-7d2a-4e8b-9c6f-1a2b3c4d5e6f', '1b3f5c1e-7d2a-4e8b-9c6f-1a2b3c4d5e6f'] as const
const [OWN, OTHER] = OWNERS

t.test('the rows of a database go in pieces: a statement has an end', async t => {
  const pool = openPool(await throwawayDatabase(t), 1)
  t.teardown(() => pool.end())
  await prepareSchema(pool)
  await pool.query(
    `insert into metric_samples (id, user_id, session_id, timestamp, doc_id, rev, update_seq)
     select gen_random_uuid(), owner::uuid, '1', n, 'metrics:' || n % 30, '1-a', '1'
       from unnest($1::text[]) owner, generate_series(1, 60000) n where owner = $2 or n < 100`,
    [OWNERS, OWN],
  )
  await pool.query(`create table public.pieces (rows integer);
    create function public.note() returns trigger language plpgsql as $$
      begin insert into public.pieces select count(*) from gone; return null; end $$;
    create trigger note after delete on metric_samples referencing old table as gone
      for each statement execute function public.note()`)
  const remove = () =>
    inTransaction(pool, sql => removeRows(sql, { database: '', kind: 'metrics', userUuid: OWN }))
  await remove()
  const { rows } = await pool.query<{ readonly rows: number }>('select rows from public.pieces')
  const pieces = rows.map(piece => piece.rows)
  t.equal(
    pieces.reduce((a, b) => a + b, 0),
    60_000,
  )
  t.ok(Math.max(...pieces) <= 22_000, String(pieces))
  const left = await pool.query('select user_id, count(*)::int from metric_samples group by 1')
  t.strictSame(left.rows, [{ user_id: OTHER, count: 99 }])
  await remove()
})
