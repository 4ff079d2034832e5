/**
 * What kinds of reasons a dead letter may have, as labels of a metric: a reason itself may quote lengths, patterns and whatever
 * Postgres says of a value. The first pattern (of SQL's `like`) that fits names the kind. What none fits is `other`, and is missing here.
 */
export const LETTER_KINDS: readonly (readonly [pattern: string, kind: string])[] = [
  ['This member is required.', 'missing_member'],
  ['No description here has the type %', 'unknown_type'],
  ['Documents of type % belong in a database of kind %', 'wrong_database'],
  ['Expected %, found %', 'wrong_kind'],
  ['Expected a list of objects.', 'wrong_kind'],
  ['Expected an object.', 'wrong_kind'],
  ['A document is a JSON object.', 'wrong_kind'],
  ['Expected %:<%>%', 'wrong_id'],
  ['The id is not one of type %', 'wrong_id'],
  ['Its id makes the document one of type %', 'wrong_id'],
  ['There is one document with the id %', 'wrong_id'],
  ['The % id is not the one in the document id.', 'wrong_id'],
  ['The text holds %', 'unstorable_text'],
  ['The text has % characters; at most % fit.', 'too_long'],
  ['A document may have % of these objects, not %', 'too_many'],
  ['The text does not match %', 'wrong_form'],
  ['The number %', 'out_of_range'],
  ['The time lies outside %', 'out_of_range'],
  ['There is no body.', 'no_body'],
  ['Postgres refuses the row: %', 'refused_by_postgres'],
]

export const OTHER_KIND = 'other'

/** An SQL expression that names the kind of the reason in this column. */
export function kindSql(column: string): string {
  const cases = LETTER_KINDS.map(([pattern, kind]) => `when ${column} like '${pattern}' then '${kind}'`)
  return `case ${cases.join(' ')} else '${OTHER_KIND}' end`
}
