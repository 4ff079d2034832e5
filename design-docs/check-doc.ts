import { checkId } from './check-id.ts'
import { checkText, checkValue } from './check-value.ts'
import { type Entity, type Field, isRequired, MAX_LIST_ROWS, type RowList } from './entity.ts'
import { isJsonObject, type JsonObject, memberOf } from './json-object.ts'
import type { Problem } from './problem.ts'

/** A list of samples that is wrong throughout need not fill a dead letter with thousands of reasons. */
const MAX_PROBLEMS = 100

/**
 * What keeps a document from becoming the rows its description promises; nothing when it may. It accepts any
 * JSON value and never throws. Members that the description does not know are no problem: a newer app may
 * have written them. `entity` is undefined for an `_id` whose type no description in its database has.
 */
export function checkDoc(entity: Entity | undefined, doc: unknown): readonly Problem[] {
  if (!isJsonObject(doc)) return [{ path: '', reason: 'A document is a JSON object.' }]
  if (entity === undefined) return [{ path: '_id', reason: 'No description here has the type of this id.' }]
  const problems = [
    checkId(entity, doc),
    checkRev(doc),
    ...checkFields(Object.entries(entity.fields), doc, ''),
    ...(entity.rows === undefined ? [] : checkRows(entity.rows, doc)),
  ]
  return problems.filter(problem => problem !== undefined).slice(0, MAX_PROBLEMS)
}

/** The rev is stored beside the row, and a client that replicates chooses its text. */
function checkRev(doc: JsonObject): Problem | undefined {
  const rev = memberOf(doc, '_rev')
  const reason = rev === undefined ? undefined : checkText(rev, undefined)
  return reason === undefined ? undefined : { path: '_rev', reason }
}

function checkFields(fields: readonly [string, Field][], object: JsonObject, prefix: string): Problem[] {
  const problems: Problem[] = []
  for (const [name, field] of fields) {
    const value = memberOf(object, name)
    const missing = isRequired(field) ? 'This member is required.' : undefined
    const reason = value === undefined ? missing : checkValue(field, value)
    if (reason !== undefined) problems.push({ path: prefix + name, reason })
  }
  return problems
}

function checkRows(rows: RowList, doc: JsonObject): Problem[] {
  const list = memberOf(doc, rows.member)
  if (!Array.isArray(list)) return [{ path: rows.member, reason: 'Expected a list of objects.' }]
  if (list.length > MAX_LIST_ROWS) return [{ path: rows.member, reason: tooMany(list.length) }]
  // Once, not for each of some thousand samples.
  const fields = Object.entries(rows.fields)
  const problems: Problem[] = []
  for (const [index, item] of list.entries()) {
    const path = `${rows.member}[${index}]`
    if (!isJsonObject(item)) problems.push({ path, reason: 'Expected an object.' })
    else problems.push(...checkFields(fields, item, `${path}.`))
    if (problems.length >= MAX_PROBLEMS) break
  }
  return problems
}

function tooMany(count: number): string {
  return `A document may have ${MAX_LIST_ROWS} of these objects, not ${count}: write several documents.`
}
