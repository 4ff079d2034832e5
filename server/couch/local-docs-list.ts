import type { Route } from '../http/route.ts'
import { allDocsQuery, allDocsRequest } from './all-docs-query.ts'
import { type CouchContext, databaseRoute } from './couch-context.ts'
import { localDocText } from './local-docs.ts'

const PREFIX = '_local/'
/** Local docs are few: a handful for each device. */
const MAX_ROWS = 10_000

/** `GET /db/_local_docs`: the local docs by id, as `_all_docs` lists the others. */
export function localDocsListRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_local_docs',
      query: allDocsQuery,
      handle(call, database) {
        const { range, parts } = allDocsRequest(call.query)
        const docs = database.localDocs({
          ...range,
          startKey: range.startKey?.replace(PREFIX, ''),
          endKey: range.endKey?.replace(PREFIX, ''),
          limit: Math.min(range.limit, MAX_ROWS),
        })
        const rows = docs.map(doc => {
          const id = JSON.stringify(PREFIX + doc.id)
          const body = parts.docs ? `,"doc":${localDocText(doc)}` : ''
          return `{"id":${id},"key":${id},"value":{"rev":"${doc.rev}"}${body}}`
        })
        return { text: `{"total_rows":null,"offset":null,"rows":[${rows.join(',\n')}]}\n` }
      },
    }),
  ]
}
