import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { isJsonObject } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import type { Out, Route } from '../../http/route.ts'
import { TextWriter } from '../../http/text-writer.ts'
import type { Database, RevsDiff } from '../../store/store.ts'
import { checkedRev } from '../content/rev.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'

/** Ids and revs only: this is a batch of some hundred thousand. */
const MAX_BYTES = 32 * 1024 * 1024
/** Documents of one read: each may need its whole history. */
const PORTION = 100

/** `POST /db/_revs_diff` and its older twin: which of a peer's revisions are missing here. */
export function revsDiffRoutes(context: CouchContext): readonly Route[] {
  return [
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_revs_diff',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      handle(call, database) {
        const asked = readRevs(call.body)
        return { write: out => writeDiff(out, database, asked, DIFF) }
      },
    }),
    databaseRoute(context, {
      method: 'POST',
      path: '/:db/_missing_revs',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BYTES },
      handle(call, database) {
        const asked = readRevs(call.body)
        return { write: out => writeDiff(out, database, asked, MISSING_REVS) }
      },
    }),
  ]
}

/** How an answer begins and ends, and what it says of one document. */
type Form = { readonly head: string; readonly tail: string; of(diff: RevsDiff): string }

const DIFF: Form = {
  head: '{',
  tail: '}\n',
  of({ missing, possibleAncestors }) {
    const ancestors =
      possibleAncestors.length === 0 ? '' : `,"possible_ancestors":${JSON.stringify(possibleAncestors)}`
    return `{"missing":${JSON.stringify(missing)}${ancestors}}`
  },
}
const MISSING_REVS: Form = {
  head: '{"missing_revs":{',
  tail: '}}\n',
  of: ({ missing }) => JSON.stringify(missing),
}

type Asked = readonly (readonly [id: string, revs: readonly string[]])[]

/** In portions, so that other clients have their turn between them, and memory holds no answer of many documents. */
async function writeDiff(out: Out, database: Database, asked: Asked, form: Form): Promise<void> {
  const writer = new TextWriter(out)
  let separator = form.head
  for (let at = 0; at < asked.length; at += PORTION) {
    if (at > 0) await setImmediate()
    for (const [id, diff] of database.revsDiff(new Map(asked.slice(at, at + PORTION)))) {
      const written = writer.add(`${separator}${JSON.stringify(id)}:${form.of(diff)}`)
      if (written !== undefined) await written
      separator = ','
    }
  }
  await writer.add(separator === form.head ? `${form.head}${form.tail}` : form.tail)
  await writer.flush()
}

/** `{id: [rev, …]}` */
function readRevs(body: unknown): Asked {
  if (!isJsonObject(body)) throw new CouchError('bad_request', 'Request body must be a JSON object')
  return Object.entries(body).map(([id, revs]) => {
    if (!Array.isArray(revs)) throw new CouchError('bad_request', `Expected a list of revs for "${id}"`)
    for (const rev of revs) checkedRev(rev, id)
    return [id, revs]
  })
}
