import { entities } from '../../design-docs/catalogue.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { BridgeError } from '../bridge-error.ts'
import { type Described, describeAll, FINGERPRINT } from '../descriptions/described.ts'

/** Which tables are made anew, and for which types. */
export interface Targets {
  /** Those whose tables are made and filled. */
  readonly entities: readonly Entity[]
  /** All types concerned, also those that have no description any more. */
  readonly types: ReadonlySet<string>
  /** The tables whose places are taken: under their old names. */
  readonly oldTables: readonly string[]
  /** What is recorded when it is done. */
  readonly described: readonly Described[]
  /** Names this rebuild, so that one that was cut off is told from another one. */
  readonly token: string
}

/**
 * What `what` stands for: `all`, the name of a table, or undefined for all tables whose descriptions differ from those
 * that their rows were made by. Undefined if that is none.
 */
export function chooseTargets(recorded: readonly Described[], what: string | undefined): Targets | undefined {
  const mine = describeAll()
  const pairs = pairsOf(recorded, mine).filter(pair => isMeant(pair, what))
  if (pairs.length === 0 && what !== undefined && what !== 'all') throw new BridgeError(unknownName(what))
  if (pairs.length === 0) return undefined
  const types = new Set(pairs.map(({ type }) => type))
  const isOther = ({ type }: Described) => !types.has(type)
  const tables = pairs.flatMap(({ before, after }) => [before?.table, after?.table])
  return {
    entities: entities.filter(({ type }) => types.has(type)),
    types,
    oldTables: [...new Set(tables.filter(table => table !== undefined))],
    described: [...recorded.filter(isOther), ...pairs.flatMap(({ after }) => after ?? [])].sort((a, b) =>
      a.type < b.type ? -1 : 1,
    ),
    token: `${FINGERPRINT} ${[...types].sort().join(' ')}`,
  }
}

/** A type, as it was recorded and as it is. */
type Pair = {
  readonly type: string
  readonly before: Described | undefined
  readonly after: Described | undefined
}

function pairsOf(recorded: readonly Described[], mine: readonly Described[]): Pair[] {
  const types = new Set([...recorded, ...mine].map(({ type }) => type))
  const of = (list: readonly Described[], type: string) => list.find(described => described.type === type)
  return [...types].map(type => ({ type, before: of(recorded, type), after: of(mine, type) }))
}

function isMeant({ before, after }: Pair, what: string | undefined): boolean {
  if (what === 'all') return true
  if (what !== undefined) return before?.table === what || after?.table === what
  return before !== undefined && JSON.stringify(before) !== JSON.stringify(after)
}

function unknownName(what: string): string {
  const tables = entities.map(({ table }) => table).join(', ')
  return `${what} is none of the mirror's tables (${tables}) and no database of a user: npx divan rebuild [<table>|<database>|all|cancel]`
}
