import { entitiesIn, entityOfType } from './catalogue.ts'
import { checkDoc } from './check-doc.ts'
import { typeOfId } from './doc-id.ts'
import type { DatabaseKind } from './entity.ts'
import type { JsonObject } from './json-object.ts'
import type { Problem } from './problem.ts'

/**
 * What keeps a living document of a database of this kind from becoming rows; nothing when it may. `doc` is the version that
 * `chooseLeaf` shows, with its `_id` and `_rev`. Design documents are nobody's rows: they are not asked about.
 *
 * The mirror makes a dead letter of the first problem, and `_problems` tells all of them: both ask here.
 */
export function checkInDatabase(
  database: DatabaseKind,
  id: string,
  doc: JsonObject | undefined,
): readonly Problem[] {
  const entity = entityOfType(typeOfId(id))
  if (entity === undefined && doc !== undefined) return [unknownType(database, id)]
  const problems = checkDoc(entity, doc)
  if (entity === undefined || entity.database === database) return problems
  // The same document in two databases of a user would be one row with two cursors, and no order between them.
  const reason = `Documents of type ${entity.type} belong in a database of kind ${entity.database}.`
  return [{ path: '_id', reason }, ...problems]
}

/** The one reason that quotes a document, and only what looks like the name of a type: most are misspelt. */
function unknownType(database: DatabaseKind, id: string): Problem {
  const read = typeOfId(id)
  const type = /^[\w.-]{1,40}$/.test(read) ? read : 'of this id'
  const known = entitiesIn(database).map(({ type }) => type)
  return { path: '_id', reason: `No description here has the type ${type}; there are ${known.join(', ')}.` }
}
