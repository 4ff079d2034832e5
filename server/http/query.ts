import { unescape as decoded, parse } from 'node:querystring'
import type { ZodError, ZodType } from 'zod'
import { CouchError } from '../couch-error.ts'

/** A parameter whose value is a list in JSON that nobody encoded: `encodeURIComponent` and its like write `[` as `%5B`. */
const BARE_LIST = /(?:^|&)([^=&]*)=(?=\[)/

/**
 * The parameters of a URL, by name. RxDB writes `keys=["a+b","c&d"]` as it is, and what sends it for RxDB encodes quotes and spaces but
 * neither `+` nor `&`: in such a list a `+` is a plus, and an `&` that cuts it in two belongs to it.
 */
export function parametersOf(url: string): Record<string, string> {
  const at = url.indexOf('?')
  if (at === -1) return {}
  const search = url.slice(at + 1)
  const bare = BARE_LIST.exec(search)
  if (bare === null) return lastValues(parse(search))
  const from = bare.index + bare[0].length
  const to = endOfList(search, from)
  return {
    ...lastValues(parse(search.slice(0, bare.index))),
    [decoded(bare[1] ?? '')]: decoded(search.slice(from, to)),
    ...lastValues(parse(search.slice(to + 1))),
  }
}

/** At the next `&`, unless only what follows it makes the list whole. */
function endOfList(search: string, from: number): number {
  const next = search.indexOf('&', from)
  if (next === -1 || isJson(decoded(search.slice(from, next)))) return next === -1 ? search.length : next
  return isJson(decoded(search.slice(from))) ? search.length : next
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A query's parameters by name. Of a name that is there twice, the last one counts. */
function lastValues(query: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(query).map(([name, value]): [string, string] => [
    name,
    String(Array.isArray(value) ? value.at(-1) : value),
  ])
  return Object.fromEntries(entries)
}

/** Parses the query; what does not fit is the client's to correct, by name. */
export function parseQuery<Query>(schema: ZodType<Query>, query: Record<string, string>): Query {
  const parsed = schema.safeParse(query)
  if (parsed.success) return parsed.data
  throw new CouchError('query_parse_error', describeIssues(parsed.error, 'Invalid value for parameter'))
}

/** Names what was wrong first: `Invalid value for parameter "limit": it must be a whole number from 0`. */
export function describeIssues(error: ZodError, what: string): string {
  const [issue] = error.issues
  if (issue === undefined) return what
  const name = issue.path.join('.')
  const reason = plainReason(issue)
  return name === '' ? `${what}: ${reason}` : `${what} "${name}": ${reason}`
}

/** The schema's own words, or zod's in plainer ones. */
function plainReason({ message }: { readonly message: string }): string {
  if (message.endsWith(', received undefined')) return 'it is missing'
  return message.replace(/^Invalid \w+: expected/, 'expected')
}
