import type { Route } from '../http/route.ts'
import type { CouchContext } from './couch-context.ts'
export function databaseRoutes(_context: CouchContext): readonly Route[] {
  return []
}
