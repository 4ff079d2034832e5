import { requireJsonContent } from '../../http/content-type.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import type { Database } from '../../store/store.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { receiveBulkBody } from './bulk-body.ts'
import { BulkWriter } from './bulk-writer.ts'

/**
 * `POST /db/_bulk_docs`. The bytes of all have no limit, because PouchDB sends a hundred documents with all their attachments at once
 * and repeats what is answered with 413 for ever; the limits are each document's.
 */
export function bulkDocsRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_bulk_docs',
      body: { kind: 'stream' },
      handle: (call, database) => writeBulkDocs(call, database, context),
    }),
  ]
}

async function writeBulkDocs(call: Call, database: Database, context: CouchContext): Promise<Answer> {
  requireJsonContent(call.headers)
  const { limits } = context
  const body = await receiveBulkBody(call.stream as AsyncIterable<Uint8Array>, {
    ...context,
    signal: call.signal,
  })
  try {
    const writer = new BulkWriter(database, { newEdits: body.newEdits, caller: call.caller, limits })
    for await (const docs of body.docs()) await writer.write(docs)
    return { status: 201, json: await writer.finish() }
  } finally {
    await body.close()
  }
}
