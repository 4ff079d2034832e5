import { setImmediate } from 'node:timers/promises'
import type { Database } from '../store/store.ts'
import { rowSpaceOf, serverIdOf } from './identity.ts'
import { identify, type NamedRow } from './identity-of-rows.ts'
import { isSingle, type PushMessage, syncedEntities } from './message-push.ts'
import { type Planned, type PlanOptions, planRows } from './push-plan.ts'
import { writeRows } from './push-rounds.ts'
import { type OddRow, type SentRow, sentRows } from './push-rows.ts'
import { type Rejected, rejectedEdit, rejectedRow } from './rejected-rows.ts'
import { rowTurns } from './row-turns.ts'
import type { ServerIds } from './server-ids.ts'

/** What a push answers, but for its time. */
export type PushOutcome = {
  /** By list, then by client id as it was sent: the row's `serverId`. */
  readonly idMappings: IdMappings
  readonly rejected: readonly Rejected[]
}

export type IdMappings = { readonly [list: string]: { readonly [clientId: string]: string } }

export type PushOptions = {
  readonly serverIds: ServerIds
  /** The time of receipt. */
  readonly now: number
  /** Of one row, and of what it makes of a document. */
  readonly maxRowBytes: number
  /** See `WriteOptions`. */
  readonly signal: AbortSignal
}

/** Row ids, which are hashes, that are worked out before others have their turn. */
const TURN_IDS = 2000

/**
 * Stores what a device pushed, once it is on disk. One push of a user at a time: the caller sees to it. What clients that replicate write
 * meanwhile is merged.
 */
export async function push(
  database: Database,
  message: PushMessage,
  { serverIds, now, maxRowBytes, signal }: PushOptions,
): Promise<PushOutcome> {
  const { deviceId } = message
  const { all, sent, odd } = await readRows(message, maxRowBytes)
  const { rows, reference } = await identify(sent, { database, deviceId, serverIds })
  await keepOddRows(database, deviceId, odd)
  const options = { deviceId, now, maxRowBytes, reference }
  const planned = await writeRows(database, rows, { ...options, signal })
  const judged = await judgedTogether(database, rows, options)
  const problems = new Map([...planned.values(), ...judged].map(({ row, problem }) => [row.path, problem]))
  const rejected = all.flatMap(row => rejectedRow(row, isOdd(row) ? row.problem : problems.get(row.path)))
  return { idMappings: await mappingsOf(database, rows), rejected }
}

/** The rows in the order of the message, and which of them name a document. */
async function readRows(message: PushMessage, maxRowBytes: number) {
  const all: (SentRow | OddRow)[] = []
  for (const some of rowTurns(sentRows(message, maxRowBytes))) {
    all.push(...some)
    await setImmediate()
  }
  return { all, sent: all.filter(isSent), odd: all.filter(isOdd) }
}

function isOdd(row: SentRow | OddRow): row is OddRow {
  return 'problem' in row
}

function isSent(row: SentRow | OddRow): row is SentRow {
  return !isOdd(row)
}

/**
 * Of several rows of one document each is judged by what all of them made. What the ones before it made was there only once: a push that
 * comes again would be answered otherwise.
 */
async function judgedTogether(
  database: Database,
  rows: readonly NamedRow[],
  options: PlanOptions,
): Promise<Planned[]> {
  const counts = new Map<string, number>()
  for (const { docId } of rows) counts.set(docId, (counts.get(docId) ?? 0) + 1)
  const repeated = rows.filter(({ docId }) => (counts.get(docId) ?? 0) > 1)
  const judged: Planned[] = []
  for (const some of rowTurns(repeated)) {
    judged.push(...planRows(database, some, options))
    await setImmediate()
  }
  return judged
}

async function keepOddRows(database: Database, deviceId: string, odd: readonly OddRow[]): Promise<void> {
  for (const some of rowTurns(odd)) {
    const edits = some.flatMap(({ list, text }) =>
      text === undefined ? [] : [rejectedEdit(deviceId, { list, text })],
    )
    if (edits.length > 0) await database.write(edits)
  }
}

async function mappingsOf(database: Database, rows: readonly NamedRow[]): Promise<IdMappings> {
  const rowSpace = rowSpaceOf(database.name)
  const byList = new Map<string, [string, string][]>()
  for (const { entity, name } of syncedEntities) if (!isSingle(entity)) byList.set(name, [])
  for (const [n, { list, clientId, docId }] of rows.entries()) {
    byList.get(list)?.push([clientId, serverIdOf(rowSpace, docId)])
    if (n % TURN_IDS === TURN_IDS - 1) await setImmediate()
  }
  return Object.fromEntries(Array.from(byList, ([list, ids]) => [list, Object.fromEntries(ids)]))
}
