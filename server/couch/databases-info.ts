import type { Route } from '../http/route.ts'
import type { CouchContext } from './couch-context.ts'
export function databasesInfoRoutes(_context: CouchContext): readonly Route[] {
  return []
}
