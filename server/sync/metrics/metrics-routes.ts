import { z } from 'zod'
import { checkText } from '../../../design-docs/check-value.ts'
import { metricsDbName, userDbName } from '../../../design-docs/user-db.ts'
import { CouchError } from '../../couch-error.ts'
import { callerKey } from '../../http/caller-key.ts'
import type { Answer, Call, Route } from '../../http/route.ts'
import type { Database, Store } from '../../store/store.ts'
import { OneAtATime } from '../one-at-a-time.ts'
import type { ServerIds } from '../server-ids.ts'
import { madeDatabase, subOf } from '../sync-context.ts'
import { readUpload } from './metrics-message.ts'
import { hasSamples } from './read-samples.ts'
import { sessionReference } from './session-reference.ts'
import { storeSamples } from './store-samples.ts'
import { writeSamples } from './write-samples.ts'

/** What the routes of metric samples are built with. */
export type MetricsContext = {
  readonly store: Store
  readonly serverIds: ServerIds
}

const PATH = '/api/sessions/:sessionId/metrics'
/** A hundred thousand samples with room to spare. */
const MAX_BODY_BYTES = 32 * 1024 * 1024
const MAX_BODY_VALUES = 1_500_000
/** Leaves room for the rest of an `_id`. */
const MAX_REFERENCE_LENGTH = 500
const PRIVATE = { 'Cache-Control': 'no-store' }

const wholeNumber = z
  .string()
  .regex(/^-?\d{1,15}$/, 'it must be a whole number')
  .transform(Number)
const samplesQuery = z.object({
  from: wholeNumber.optional(),
  to: wholeNumber.optional(),
  every: wholeNumber.pipe(z.number().min(1, 'it must be a whole number from 1')).optional(),
  deviceId: z.string().optional(),
})
type SamplesQuery = z.infer<typeof samplesQuery>

/**
 * `POST` and `GET /api/sessions/{sessionId}/metrics`: what the sensors saw during a session. The samples are in the user's second
 * database, which no phone replicates by itself.
 */
export function metricsRoutes({ store, serverIds }: MetricsContext): readonly Route[] {
  const users = new OneAtATime()
  const upload: Route = {
    method: 'POST',
    path: PATH,
    access: 'user',
    body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BODY_BYTES, maxValues: MAX_BODY_VALUES },
    handle: call => uploadSamples(call, { store, serverIds }, users),
  }
  const read: Route<SamplesQuery> = {
    method: 'GET',
    path: PATH,
    access: 'user',
    query: samplesQuery,
    handle: call => answerSamples(call, { store, serverIds }),
  }
  return [upload, read as Route]
}

async function uploadSamples(
  { body, params, caller }: Call,
  { store, serverIds }: MetricsContext,
  users: OneAtATime,
): Promise<Answer> {
  const sub = subOf(caller)
  const upload = await readUpload(body)
  const named = { name: params.sessionId ?? '', deviceId: upload.deviceId, main: mainDatabase(store, sub) }
  const session = (await sessionReference(serverIds, named)) ?? ''
  const reason = checkText(session, MAX_REFERENCE_LENGTH)
  if (reason !== undefined) throw new CouchError('bad_request', `sessionId: ${reason}`)
  const database = await madeDatabase(store, metricsDbName(sub))
  await users.run(sub, () => storeSamples(database, session, upload))
  return { status: 201, headers: PRIVATE, json: { uploaded: upload.samples.length } }
}

async function answerSamples(call: Call<SamplesQuery>, context: MetricsContext): Promise<Answer> {
  const { query, params, caller } = call
  const { store, serverIds } = context
  const sub = subOf(caller)
  const name = params.sessionId ?? ''
  const main = mainDatabase(store, sub)
  const session = await sessionReference(serverIds, { name, deviceId: query.deviceId, main })
  const database = store.database(metricsDbName(sub))
  if (session === undefined || !isKnown(session, main, database))
    throw new CouchError('not_found', 'You have no such session.')
  const { from = -Infinity, to = Infinity, every = 0 } = query
  const range = database && { database, session, from, to }
  return {
    headers: PRIVATE,
    write: out => writeSamples(out, range, { name, every, caller: callerKey(caller) }),
  }
}

function isKnown(session: string, main: Database | undefined, metrics: Database | undefined): boolean {
  if (main?.doc(`session:${session}`) !== undefined) return true
  return metrics !== undefined && hasSamples(metrics, session)
}

function mainDatabase(store: Store, sub: string): Database | undefined {
  return store.database(userDbName(sub))
}
