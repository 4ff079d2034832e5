import { createHash } from 'node:crypto'
import { entities } from '../../design-docs/catalogue.ts'
import type { Entity } from '../../design-docs/entity.ts'
import type { Queryable } from '../postgres-client.ts'
import { columnsOf, quoted } from './columns.ts'
import { literal } from './table-ddl.ts'

/**
 * The Postgres type of an entity's rows on their way into its table: the columns of the description, in its order,
 * whatever else the table has got. It is named by what it consists of, so that one name never means two things: other
 * descriptions have other types, and those of two versions are there side by side.
 */
export interface RowType {
  readonly name: string
  /** The statements that make it, in the schema `divan`. */
  readonly ddl: readonly string[]
}

const known = new WeakMap<Entity, RowType>()

export function rowTypeOf(entity: Entity): RowType {
  const type = known.get(entity) ?? makeRowType(entity)
  known.set(entity, type)
  return type
}

function makeRowType(entity: Entity): RowType {
  const columns = columnsOf(entity)
    .map(({ name, type }) => `${quoted(name)} ${type}`)
    .join(', ')
  const name = `row_${createHash('sha256').update(`${entity.table} ${columns}`).digest('hex').slice(0, 16)}`
  const about = literal(`a row on its way into ${entity.table}`)
  return {
    name,
    ddl: [`create type divan.${name} as (${columns})`, `comment on type divan.${name} is ${about}`],
  }
}

/** The numbers that Postgres has given to the types, by their names. */
export type RowTypeOids = ReadonlyMap<string, number>

/** Asked for in each transaction that writes rows: a type that was dropped and made again has another number. */
export async function readRowTypes(
  sql: Queryable,
  catalogue: readonly Entity[] = entities,
): Promise<RowTypeOids> {
  const { rows } = await sql.query<{ readonly name: string; readonly oid: number }>(
    `select typname as name, oid from pg_type
      where typnamespace = to_regnamespace('divan') and typname = any($1)`,
    [catalogue.map(entity => rowTypeOf(entity).name)],
  )
  return new Map(rows.map(({ name, oid }) => [name, oid]))
}

/** Makes the types that are missing. Those of other descriptions stay: who has these may come back. */
export async function makeRowTypes(sql: Queryable, catalogue: readonly Entity[]): Promise<void> {
  const found = await readRowTypes(sql, catalogue)
  for (const { name, ddl } of catalogue.map(rowTypeOf)) {
    if (found.has(name)) continue
    for (const statement of ddl) await sql.query(statement)
  }
}
