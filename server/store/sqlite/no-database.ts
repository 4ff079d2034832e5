import { CouchError } from '../../couch-error.ts'

/** The refusal of everything that is asked of a database that is not there. */
export function noDatabase(): CouchError {
  return new CouchError('not_found', 'Database does not exist.')
}
