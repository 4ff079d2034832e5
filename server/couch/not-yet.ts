import { CouchError } from '../couch-error.ts'
import type { Route } from '../http/route.ts'
import { type CouchContext, databaseRoute } from './couch-context.ts'

/** What CouchDB has below a database and this server has not yet: path, methods, what it belongs to. */
const NOT_YET: readonly (readonly [
  path: string,
  methods: readonly Route['method'][],
  what: 'Mango queries' | 'Views',
])[] = [
  ['/:db/_find', ['POST'], 'Mango queries'],
  ['/:db/_explain', ['POST'], 'Mango queries'],
  ['/:db/_index', ['GET', 'POST'], 'Mango queries'],
  ['/:db/_index/*name', ['DELETE'], 'Mango queries'],
  ['/:db/_temp_view', ['POST'], 'Views'],
  ['/:db/_design/:ddoc/_info', ['GET'], 'Views'],
  ['/:db/_design/:ddoc/_view/:view', ['GET', 'POST'], 'Views'],
  ['/:db/_design/:ddoc/_view/:view/queries', ['POST'], 'Views'],
]

/** They say so. Without them each would be taken for a document or an attachment, and refused in words that lead nowhere. */
export function notYetRoutes(context: CouchContext): readonly Route[] {
  return NOT_YET.flatMap(([path, methods, what]) =>
    methods.map(method =>
      databaseRoute(context, {
        method,
        path,
        handle() {
          throw new CouchError(
            'not_found',
            `${what} are not available here yet: ask the database on the device.`,
          )
        },
      }),
    ),
  )
}
