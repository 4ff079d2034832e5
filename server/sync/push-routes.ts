import { z } from 'zod'
import { isJsonObject } from '../../design-docs/json-object.ts'
import type { Answer, Call, Route } from '../http/route.ts'
import { noteDevice } from './devices.ts'
import { type PushMessage, readPushMessage } from './message-push.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { push } from './push.ts'
import { admittedAccount, type SyncContext, userDatabase } from './sync-context.ts'
import { notePush, toldPlaces } from './told-places.ts'

/** What a phone has written in years without a network: 10,000 rows are some 15 MB. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
/** A row has some fifty values. */
const MAX_VALUES = 5_000_000

/** `POST /api/sync/push`: what a device wrote since its `lastSync`. */
export function pushRoutes(context: SyncContext): readonly Route[] {
  const pushes = new OneAtATime()
  return [
    {
      method: 'POST',
      path: '/api/sync/push',
      access: 'user',
      body: { kind: 'json', schema: z.unknown(), maxBytes: MAX_BODY_BYTES, maxValues: MAX_VALUES },
      handle: call => answerPush(context, call, pushes),
    },
  ]
}

/** The time is that of the place the device is at: it learns of others' changes by its pull alone. */
async function answerPush(context: SyncContext, call: Call, pushes: OneAtATime): Promise<Answer> {
  await admittedAccount(context, call.caller)
  const message = readPushMessage(call.body)
  const database = await userDatabase(context, call.caller)
  const { deviceId, deviceName, platform, lastSync } = message
  const { serverIds, maxDocumentBytes: maxRowBytes } = context
  const outcome = await pushes.run(database.name, async () => {
    call.signal.throwIfAborted()
    const now = Date.now()
    await notePush(database, deviceId, lastSync, { now, ...seenRows(message) })
    return push(database, message, { serverIds, now, maxRowBytes, signal: call.signal })
  })
  await noteDevice(database, { deviceId, deviceName, platform, now: Date.now() })
  const isTold = toldPlaces(database, deviceId).placeOf(lastSync) !== undefined
  const headers = { 'Cache-Control': 'no-store' }
  return { headers, json: { syncTime: isTold ? lastSync : 0, ...outcome } }
}

/** How many rows there are and how new the newest says it is: that tells of the device's clock. */
function seenRows({ lists }: PushMessage): { rows: number; newestUpdatedAt: number | undefined } {
  let rows = 0
  let newestUpdatedAt: number | undefined
  for (const row of lists.flatMap(list => list.rows)) {
    rows++
    const updatedAt = isJsonObject(row) ? row.updatedAt : undefined
    if (typeof updatedAt === 'number' && Number.isSafeInteger(updatedAt))
      newestUpdatedAt = Math.max(newestUpdatedAt ?? updatedAt, updatedAt)
  }
  return { rows, newestUpdatedAt }
}
