import type { Answer, Route } from '../../http/route.ts'
import { TextWriter } from '../../http/text-writer.ts'
import type { Database, LocalDocRow, NameRange } from '../../store/store.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { localDocText } from '../documents/local-docs.ts'
import { rowsInPages } from './all-docs-pages.ts'
import { type AllDocsRequest, allDocsQuery, allDocsRequest } from './all-docs-query.ts'

const PREFIX = '_local/'

/** `GET /db/_local_docs`: the local docs by id, as `_all_docs` lists the others. */
export function localDocsListRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_local_docs',
      query: allDocsQuery,
      handle: (call, database) => answerLocalDocs(database, allDocsRequest(call.query)),
    }),
  ]
}

function answerLocalDocs(database: Database, request: AllDocsRequest): Answer {
  return {
    async write(out) {
      const writer = new TextWriter(out)
      await writer.add('{"total_rows":null,"offset":null,"rows":[')
      await writer.addAll(rowTexts(database, request))
      await writer.add(']}\n')
      await writer.flush()
    },
  }
}

function* rowTexts(database: Database, { range, isEmpty, parts }: AllDocsRequest): Generator<string> {
  if (isEmpty) return
  const read = (page: NameRange) => database.localDocs({ ...page, withBodies: parts.docs })
  let separator = ''
  for (const doc of rowsInPages(namesOf(range), read)) {
    yield separator + rowText(doc)
    separator = ',\n'
  }
}

/** The store knows local docs without their prefix. */
function namesOf(range: NameRange): NameRange {
  return {
    ...range,
    startKey: range.startKey?.replace(PREFIX, ''),
    endKey: range.endKey?.replace(PREFIX, ''),
  }
}

function rowText({ id, rev, body }: LocalDocRow): string {
  const name = JSON.stringify(PREFIX + id)
  const doc = body === undefined ? '' : `,"doc":${localDocText({ id, rev, body })}`
  return `{"id":${name},"key":${name},"value":{"rev":"${rev}"}${doc}}`
}
