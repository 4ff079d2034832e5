import type { Field } from '../../design-docs/entity.ts'
import { columnType } from '../mapping/columns.ts'
import type { Described } from './described.ts'

/**
 * What it takes to bring rows from one description to another:
 * - `nothing`;
 * - `reading`: the table is extended in place, and every document is read again;
 * - `refused`: it cannot be extended, for the reason that is given. A rebuild makes the table anew.
 */
export type Difference = 'nothing' | 'reading' | { readonly refused: string }

/**
 * Compares the description that rows were made by with that of this program. Only what can never lose a value or leave
 * a row in two shapes is done in place. A field that this program does not know is no such thing: either the field was
 * removed, or this program is an older one, which would write rows without it.
 */
export function differenceOf(recorded: Described, mine: Described): Difference {
  if (JSON.stringify(recorded) === JSON.stringify(mine)) return 'nothing'
  const reason =
    differenceOfTables(recorded, mine) ?? lostField(recorded, mine) ?? changedField(recorded, mine)
  return reason === undefined ? 'reading' : { refused: reason }
}

function differenceOfTables(recorded: Described, mine: Described): string | undefined {
  const { table } = mine
  if (recorded.table !== table) return `its documents were in the table ${recorded.table}`
  if (recorded.database !== mine.database) return 'its documents were in databases of another kind'
  if (recorded.identity !== mine.identity) return 'its documents had ids of another form'
  if (recorded.list !== mine.list) return 'its rows came from another list of its documents'
  return undefined
}

function lostField(recorded: Described, mine: Described): string | undefined {
  const lost = Object.keys(recorded.fields).find(name => hasColumn(recorded, name) && !hasColumn(mine, name))
  return lost === undefined
    ? undefined
    : `no field ${lost} is known here: it was removed, or this bridge is older`
}

function changedField(recorded: Described, mine: Described): string | undefined {
  for (const [name, field] of Object.entries(mine.fields)) {
    if (!hasColumn(mine, name)) continue
    const before = hasColumn(recorded, name) ? recorded.fields[name] : undefined
    const reason = before === undefined ? ofNewField(field) : ofChangedField(before, field)
    if (reason !== undefined) return `the field ${name} ${reason}`
  }
  return undefined
}

function hasColumn(described: Described, name: string): boolean {
  const field = described.fields[name]
  return field !== undefined && field.inTable !== false
}

function ofNewField(field: Field): string | undefined {
  const isOptional = field.nullable === true || field.default !== undefined
  return isOptional
    ? undefined
    : 'is new and required (unless all documents have it, let it be nullable or have a default)'
}

function ofChangedField(before: Field, after: Field): string | undefined {
  const [was, is] = [columnType(before), columnType(after)]
  if (was !== is && !isWider(before, after)) return `was ${was} and is ${is}`
  if (before.nullable === true && after.nullable !== true) return 'was nullable and is no longer'
  return undefined
}

/** Text that may be longer than before. Postgres changes nothing but the column's type. */
function isWider(before: Field, after: Field): boolean {
  const [was, is] = [maxLength(before), maxLength(after)]
  return was !== undefined && is !== undefined && is >= was
}

/** Undefined for what is no text. */
function maxLength(field: Field): number | undefined {
  if (field.kind === 'reference') return Number.POSITIVE_INFINITY
  return field.kind === 'text' ? (field.maxLength ?? Number.POSITIVE_INFINITY) : undefined
}
