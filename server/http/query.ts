import type { ZodError, ZodType } from 'zod'
import { CouchError } from '../couch-error.ts'

/** A query's parameters by name. Of a name that is there twice, the last one counts. */
export function lastValues(query: Readonly<Record<string, unknown>>): Record<string, string> {
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

/** Names what was wrong first: `Invalid value for parameter "limit": expected a number`. */
export function describeIssues(error: ZodError, what: string): string {
  const [issue] = error.issues
  if (issue === undefined) return what
  const name = issue.path.join('.')
  return name === '' ? `${what}: ${issue.message}` : `${what} "${name}": ${issue.message}`
}
