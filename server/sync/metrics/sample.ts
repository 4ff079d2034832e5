import { metrics } from '../../../design-docs/entities/metrics.ts'
import type { Field } from '../../../design-docs/entity.ts'
import { type JsonObject, memberOf } from '../../../design-docs/json-object.ts'
import { fitsAppFloat } from '../app-float.ts'
import { bodyMembers } from '../body-members.ts'

/**
 * A moment as the sensors saw it, as JSON text in the one way it is stored: what is described first, then the members that nobody knows;
 * nothing for null, and nothing for a default. So two texts are the same where two samples say the same.
 */
export type Sample = { readonly timestamp: number; readonly text: string }

const FIELDS: readonly (readonly [string, Field])[] = Object.entries(metrics.rows.fields)

/** A sample that fits its description. */
export function sampleOf(members: JsonObject): Sample {
  const said = FIELDS.flatMap(([name, field]): [string, unknown][] => {
    const value = memberOf(members, name)
    return value === undefined || value === field.default ? [] : [[name, value]]
  })
  return { timestamp: timestampOf(members), text: textOf([...said, ...unknownMembers(members)]) }
}

/** The same as clients are shown it: with every member that is described. A number beyond the app's own is told as none. */
export function shownSample(members: JsonObject): Sample {
  const said = FIELDS.map(([name, field]): [string, unknown] => {
    const value = memberOf(members, name) ?? field.default ?? null
    return [name, fitsAppFloat(field, value) ? value : null]
  })
  return { timestamp: timestampOf(members), text: textOf([...said, ...unknownMembers(members)]) }
}

/**
 * Whether a sample says all that another one says, and maybe more: an app that knows few fields sends the same moments as one that
 * knows more, and must neither wipe nor double what that one has sent. Whatever comes in whichever order, the same ones remain: those
 * that no other one contains.
 */
export function containsSample(whole: Sample, part: Sample): boolean {
  if (whole.timestamp !== part.timestamp) return false
  if (whole.text === part.text) return true
  if (whole.text.length <= part.text.length) return false
  const members = bodyMembers(whole.text)
  return Object.entries(bodyMembers(part.text)).every(
    ([name, value]) =>
      Object.hasOwn(members, name) && JSON.stringify(members[name]) === JSON.stringify(value),
  )
}

function timestampOf({ timestamp }: JsonObject): number {
  return typeof timestamp === 'number' ? timestamp : Number.NaN
}

/** In an order that does not depend on who wrote them. */
function unknownMembers(members: JsonObject): [string, unknown][] {
  const names = Object.keys(members).filter(name => !Object.hasOwn(metrics.rows.fields, name))
  return names.sort().map(name => [name, members[name]])
}

function textOf(members: readonly (readonly [string, unknown])[]): string {
  return JSON.stringify(Object.fromEntries(members))
}
