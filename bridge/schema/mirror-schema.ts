import { BridgeError } from '../bridge-error.ts'
import type { Queryable } from '../postgres-client.ts'

/** The schema that the mirror's tables are in. Throws a `BridgeError` if the user has none. */
export async function mirrorSchema(sql: Queryable): Promise<string> {
  const { rows } = await sql.query<{ readonly schema: string | null }>('select current_schema() as schema')
  if (rows[0]?.schema) return rows[0].schema
  throw new BridgeError(
    'the user of DATABASE_URL has no schema for tables: make one that is in the search_path, or grant usage on it',
  )
}
