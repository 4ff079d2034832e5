import type { Queryable } from './postgres-client.ts'

/** Where the feed of changed databases was left. */
export type FeedPlace = { readonly serverUuid: string; readonly cursor: string }

export async function readFeedPlace(sql: Queryable): Promise<FeedPlace | undefined> {
  const { rows } = await sql.query<{ readonly server_uuid: string; readonly cursor: string }>(
    'select server_uuid, cursor from divan.update_feed',
  )
  const [row] = rows
  return row === undefined ? undefined : { serverUuid: row.server_uuid, cursor: row.cursor }
}

/** Takes the feed's row for this transaction. False if another bridge has it or has moved it. */
export async function takeFeedPlace(sql: Queryable, cursor: string): Promise<boolean> {
  const { rows } = await sql.query<{ readonly cursor: string }>(
    'select cursor from divan.update_feed for update skip locked',
  )
  return rows[0]?.cursor === cursor
}

/** Stores the place up to which every change of the feed has become a mark, in the transaction of those marks. */
export async function storeFeedPlace(sql: Queryable, place: FeedPlace): Promise<void> {
  await sql.query(
    `insert into divan.update_feed (server_uuid, cursor) values ($1, $2)
     on conflict (only_row) do update
       set server_uuid = excluded.server_uuid, cursor = excluded.cursor, followed_at = now()`,
    [place.serverUuid, place.cursor],
  )
}

/** Forgets it: the next start marks every database, and looks for rows that no database claims. */
export async function forgetFeedPlace(sql: Queryable): Promise<void> {
  await sql.query('delete from divan.update_feed')
}
