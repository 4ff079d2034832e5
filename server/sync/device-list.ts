import { referenceTo } from '../../design-docs/doc-id.ts'
import { device } from '../../design-docs/entities/device.ts'
import { isJsonObject, type JsonObject, memberOf } from '../../design-docs/json-object.ts'
import { callerKey } from '../http/caller-key.ts'
import { READ_TURNS } from '../http/read-turns.ts'
import type { Answer, Call, Route } from '../http/route.ts'
import { sequenceParts } from '../store/sequences.ts'
import type { Database, LocalDocRow } from '../store/store.ts'
import { bodyMembers } from './body-members.ts'
import { admittedAccount, type SyncContext, userDatabase } from './sync-context.ts'
import { toldPlaces } from './told-places.ts'

/** A user has a handful; the list is no way to fill memory. */
const MAX_DEVICES = 1000
const MAX_REPLICATIONS = 1000
const PAGE_ROWS = 200

/** `GET /api/sync/devices`: who synchronises, and how far each one is. */
export function deviceRoutes(context: SyncContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/sync/devices',
      access: 'user',
      handle: call => answerDevices(context, call),
    },
  ]
}

async function answerDevices(context: SyncContext, { caller, signal }: Call): Promise<Answer> {
  await admittedAccount(context, caller)
  const database = await userDatabase(context, caller)
  const turn = async () => {
    await READ_TURNS.next(callerKey(caller))
    signal.throwIfAborted()
  }
  return {
    headers: { 'Cache-Control': 'no-store' },
    json: { devices: await devices(database, turn), replications: await replications(database, turn) },
  }
}

/** Waited for before each page: users may have written any number of documents, each as large as one may be. */
type Turn = () => Promise<void>

/** Those that registered, with what is known of their last push and pull. */
async function devices(database: Database, turn: Turn): Promise<readonly object[]> {
  const typed = database.ofType(device.type)
  const found: object[] = []
  for (let after: string | undefined; found.length < MAX_DEVICES; ) {
    await turn()
    const page = typed.docs({ startKey: after, inclusiveStart: false, limit: PAGE_ROWS, withBodies: true })
    found.push(...page.map(({ id, revision }) => deviceOf(database, id, bodyMembers(revision?.body))))
    const last = page.at(-1)
    if (last === undefined) break
    after = last.id
  }
  return found.slice(0, MAX_DEVICES)
}

/** `pending` counts the documents that changed since. */
function deviceOf(database: Database, docId: string, members: JsonObject): object {
  const deviceId = referenceTo(docId)
  const { newest, lastPush } = toldPlaces(database, deviceId)
  return {
    deviceId,
    ...fieldsOf(members, ['deviceName', 'platform', 'createdAt', 'lastSyncAt']),
    pushed: lastPush === undefined ? null : { at: lastPush.at, rows: lastPush.rows },
    clockSkew: lastPush?.clockSkew ?? null,
    pulled:
      newest === undefined ? null : { at: newest.syncTime, pending: database.pending(newest.place ?? 0) },
  }
}

function fieldsOf(members: JsonObject, names: readonly string[]): object {
  return Object.fromEntries(names.map(name => [name, memberOf(members, name) ?? null]))
}

/** What clients that replicate note about themselves. They name no device, only a replication: one for each direction. */
async function replications(database: Database, turn: Turn): Promise<readonly object[]> {
  const found: object[] = []
  for (let after: string | undefined; found.length < MAX_REPLICATIONS; ) {
    await turn()
    const page = database.localDocs({
      startKey: after,
      inclusiveStart: false,
      limit: PAGE_ROWS,
      withBodies: true,
    })
    found.push(...page.flatMap(row => replicationOf(database, row) ?? []))
    const last = page.at(-1)
    if (last === undefined) break
    after = last.id
  }
  return found.slice(0, MAX_REPLICATIONS)
}

function replicationOf(database: Database, { id, body = '' }: LocalDocRow): object | undefined {
  // Not worth parsing, and it may be large.
  if (!body.includes('"session_id"')) return undefined
  const log = bodyMembers(body)
  if (typeof log.session_id !== 'string') return undefined
  const [session] = Array.isArray(log.history) ? log.history.filter(isJsonObject) : []
  const lastSeq = memberOf(log, 'last_seq') ?? memberOf(log, 'source_last_seq') ?? null
  const place = placeOf(database, lastSeq)
  return {
    replicationId: id,
    client: typeof log.replicator === 'string' ? log.replicator : null,
    // A client that pulls notes a sequence of ours, one that pushes a sequence of its own.
    direction: place === undefined ? 'push' : 'pull',
    lastSeq,
    pending: place === undefined ? null : database.pending(place),
    ...fieldsOf(session ?? {}, ['start_time', 'end_time', 'docs_read', 'docs_written', 'doc_write_failures']),
  }
}

function placeOf(database: Database, sequence: unknown): number | undefined {
  if (typeof sequence !== 'string' || sequenceParts(sequence) === undefined) return undefined
  const { n, rewound } = database.place(sequence)
  return rewound ? undefined : n
}
