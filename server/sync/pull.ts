import { z } from 'zod'
import { callerKey } from '../http/caller-key.ts'
import type { Answer, Call, Out, Route } from '../http/route.ts'
import { TextWriter } from '../http/text-writer.ts'
import type { Database } from '../store/store.ts'
import { noteDevice } from './devices.ts'
import { isSingle, syncedEntities } from './message-push.ts'
import { fieldSchema, readMessage, senderSchema } from './message-reader.ts'
import { endOfPage, type PullQuery, pulledPages } from './pull-rows.ts'
import { admittedAccount, type SyncContext, userDatabase } from './sync-context.ts'
import { tell, toldPlaces } from './told-places.ts'

const MAX_BODY_BYTES = 64 * 1024
const TYPES: ReadonlySet<string> = new Set(syncedEntities.map(({ entity }) => entity.type))

const pullSchema = z.looseObject(
  {
    deviceId: senderSchema,
    lastSync: fieldSchema({ kind: 'long' }),
    limit: z
      .number({ error: 'Expected a whole number.' })
      .int('Expected a whole number.')
      .min(1, 'Expected a number from 1.')
      .nullish(),
  },
  { error: 'Expected a JSON object.' },
)

/** What a device asks for. */
type PullMessage = {
  readonly deviceId: string
  readonly lastSync: number
  readonly limit: number | undefined
}

/** `POST /api/sync/pull`: what others changed since the place that `lastSync` means to this device. */
export function pullRoutes(context: SyncContext): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/api/sync/pull',
      access: 'user',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BODY_BYTES },
      handle: call => answerPull(context, call),
    },
  ]
}

async function answerPull(context: SyncContext, call: Call): Promise<Answer> {
  await admittedAccount(context, call.caller)
  const message = readPullMessage(call.body)
  const database = await userDatabase(context, call.caller)
  await noteDevice(database, { deviceId: message.deviceId, now: Date.now() })
  const { syncTime, more, query } = await pullOf(database, message, call)
  return {
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    write: out => writePull(database, { syncTime, more }, query, out),
  }
}

function readPullMessage(body: unknown): PullMessage {
  const { deviceId, lastSync, limit } = readMessage(pullSchema, body)
  return { deviceId: String(deviceId), lastSync: Number(lastSync), limit: limit ?? undefined }
}

/** The head of an answer: the place it leads to is told to the device, durably, before the first byte is. */
type Head = { readonly syncTime: number; readonly more: boolean | undefined }

async function pullOf(
  database: Database,
  { deviceId, lastSync, limit }: PullMessage,
  { caller, signal }: Pick<Call, 'caller' | 'signal'>,
): Promise<Head & { readonly query: PullQuery }> {
  const end = database.facts().updateSeq
  const told = toldPlaces(database, deviceId)
  const place = told.placeOf(lastSync) ?? 0
  const ownPlace = told.ownPlaceOf(lastSync)
  const asked = { place, upTo: end, caller: callerKey(caller) }
  const upTo = limit === undefined ? end : await endOfPage(database, TYPES, { ...asked, limit })
  // Who was installed anew does not know by the first page what it once pushed.
  const unknownOwn = upTo < end ? Math.min(ownPlace, end) : undefined
  const syncTime = await tell(database, {
    deviceId,
    place: upTo,
    ownPlace: unknownOwn,
    lastSync,
    now: Date.now(),
  })
  const query = { ...asked, deviceId, ownPlace, upTo, signal }
  return { syncTime, more: limit === undefined ? undefined : upTo < end, query }
}

/** All lists are there, also without rows, parents before children. A row is in memory for as long as its page. */
async function writePull(database: Database, head: Head, query: PullQuery, out: Out): Promise<void> {
  const writer = new TextWriter(out)
  await writer.add(JSON.stringify(head).slice(0, -1))
  for (const { entity, name } of syncedEntities) {
    const isOne = isSingle(entity)
    await writer.add(`,\n"${name}":${isOne ? '' : '['}`)
    let count = 0
    for await (const texts of pulledPages(database, entity, { ...query, room: () => writer.room() })) {
      for (const text of texts) await writer.add(count++ === 0 ? text : `,\n${text}`)
    }
    await writer.add(isOne ? (count === 0 ? 'null' : '') : ']')
  }
  await writer.add('}\n')
  await writer.flush()
}
