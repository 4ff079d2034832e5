import { entitiesIn } from '../design-docs/catalogue.ts'
import type { DatabaseKind, Entity } from '../design-docs/entity.ts'
import { removeRows } from './apply.ts'
import { lockShape } from './descriptions/record.ts'
import { hasOwner, quoted } from './mapping/columns.ts'
import type { Queryable } from './postgres-client.ts'
import { sourceOf } from './source.ts'

const KINDS: readonly DatabaseKind[] = ['main', 'metrics', 'accounts']

/**
 * Rows of which nothing says up to where they are mirrored: a Postgres was given back its tables, but not the bridge's
 * own. Of a database that the server has they are made anew; those that no database claims are removed.
 */
export class UnclaimedRows {
  readonly #owners: ReadonlyMap<DatabaseKind, Set<string>>

  private constructor(owners: ReadonlyMap<DatabaseKind, Set<string>>) {
    this.#owners = owners
  }

  /** All rows there are. Before the server is asked for its databases: one that is made later has its own rows only. */
  static async find(sql: Queryable): Promise<UnclaimedRows> {
    const owners = new Map<DatabaseKind, Set<string>>()
    for (const kind of KINDS) owners.set(kind, await ownersOf(sql, kind))
    return new UnclaimedRows(owners)
  }

  /** Those of these databases that have such rows. */
  claim(databases: readonly string[]): string[] {
    return databases.filter(database => {
      const source = sourceOf(database)
      return source !== undefined && this.#owners.get(source.kind)?.delete(source.userUuid)
    })
  }

  /**
   * Takes away what was not claimed. What has a checkpoint by now is another bridge's, that has met the database later: no
   * batch is under way while this looks, and each has its checkpoint before its rows.
   */
  async remove(sql: Queryable): Promise<void> {
    if ([...this.#owners.values()].every(owners => owners.size === 0)) return
    await lockShape(sql)
    const { rows } = await sql.query<{ readonly database: string }>('select database from divan.checkpoints')
    this.claim(rows.map(({ database }) => database))
    for (const [kind, owners] of this.#owners) {
      for (const userUuid of owners) await removeRows(sql, { database: '', kind, userUuid })
    }
  }
}

/** By their ids; accounts have no owner but stand for one. */
async function ownersOf(sql: Queryable, kind: DatabaseKind): Promise<Set<string>> {
  const owners = new Set<string>()
  for (const entity of entitiesIn(kind)) {
    const { rows } = await sql.query<{ readonly owner: string }>(
      hasOwner(entity) ? ownersSql(entity) : `select '' as owner from ${quoted(entity.table)} limit 1`,
    )
    for (const { owner } of rows) owners.add(owner)
  }
  return owners
}

/** From one owner to the next by the index: a table may have many millions of rows. */
function ownersSql(entity: Entity): string {
  const table = quoted(entity.table)
  return `
    with recursive o (owner) as (
      (select user_id from ${table} order by user_id limit 1)
      union all
      select (select user_id from ${table} where user_id > o.owner order by user_id limit 1) from o where o.owner is not null
    )
    select owner::text as owner from o where owner is not null`
}
