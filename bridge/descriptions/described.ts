import { createHash } from 'node:crypto'
import { entities } from '../../design-docs/catalogue.ts'
import type { Entity, Field, Fields } from '../../design-docs/entity.ts'

/** What of a description decides which rows a document has: recorded beside the rows that were made by it. */
export interface Described {
  readonly type: string
  readonly typeMember: string | undefined
  readonly table: string
  readonly database: string
  readonly identity: string
  /** The list whose objects are the rows. */
  readonly list: string | undefined
  /** All fields by name, those of the list behind its name and a dot. */
  readonly fields: { readonly [name: string]: Field }
}

/** All descriptions, in an order of their own: that of the catalogue means nothing to rows. */
export function describeAll(catalogue: readonly Entity[] = entities): readonly Described[] {
  return catalogue.map(describe).sort((a, b) => (a.type < b.type ? -1 : 1))
}

/** A description as it is recorded. What is for people or for the REST messages is no part of it. */
export function describe(entity: Entity): Described {
  const { type, typeMember, table, database, identity, rows } = entity
  const own = fieldsOf(entity.fields, '')
  const inList = rows === undefined ? [] : fieldsOf(rows.fields, `${rows.member}.`)
  const fields = Object.fromEntries([...own, ...inList].sort(([a], [b]) => (a < b ? -1 : 1)))
  return { type, typeMember, table, database, identity, list: rows?.member, fields }
}

function fieldsOf(fields: Fields, prefix: string): [string, Field][] {
  return Object.entries(fields).map(([name, field]) => {
    const { inMessages: _, ...rest } = field
    const members = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))
    return [prefix + name, Object.fromEntries(members) as unknown as Field]
  })
}

/** The same for the same descriptions, and for no others. */
export function fingerprintOf(described: readonly Described[]): string {
  return createHash('sha256').update(JSON.stringify(described)).digest('hex').slice(0, 32)
}

/** The fingerprint of the descriptions that this program has. */
export const FINGERPRINT: string = fingerprintOf(describeAll())
