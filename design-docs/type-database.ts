import assert from 'node:assert'
import { entitiesIn } from './catalogue.ts'
import { userDbName, userOfDb } from './user-db.ts'

/**
 * One type of a user's main database, shown as a database: for clients that want a URL for each kind of document. Nothing is stored in
 * it: what is written to it is in the main database, and no list of databases has it.
 */
export interface TypeDatabase {
  readonly sub: string
  readonly type: string
}

const kebabOfType: ReadonlyMap<string, string> = new Map(
  entitiesIn('main').map(({ type }) => [type, kebabCase(type)]),
)
const typeOfKebab: ReadonlyMap<string, string> = new Map(
  Array.from(kebabOfType, ([type, kebab]) => [kebab, type]),
)

/** The types of a user's main database as names have them: `phase-stat` for `phaseStat`. */
export const TYPE_SUFFIXES: readonly string[] = [...typeOfKebab.keys()]

/** The name under which a user's documents of this type are shown. */
export function typeDatabaseName({ sub, type }: TypeDatabase): string {
  const kebab = kebabOfType.get(type)
  assert(kebab !== undefined, 'a type of the main database')
  return `${userDbName(sub)}-${kebab}`
}

/** What a name shows; undefined for the name of a real database and for a type that no description has. */
export function typeDatabaseOf(name: string): TypeDatabase | undefined {
  // `userdb-`, the hex, which has no dash, and what is behind the next one.
  const [, main = '', kebab = ''] = /^(userdb-[^-]*)-(.*)$/s.exec(name) ?? []
  const type = typeOfKebab.get(kebab)
  const user = userOfDb(main)
  return type === undefined || user === undefined ? undefined : { sub: user.sub, type }
}

/** The type that such a suffix stands for. */
export function typeOfSuffix(suffix: string): string | undefined {
  return typeOfKebab.get(suffix)
}

function kebabCase(type: string): string {
  return type.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}
