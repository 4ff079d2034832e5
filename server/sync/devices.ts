import { checkDoc } from '../../design-docs/check-doc.ts'
import { deviceDocId } from '../../design-docs/doc-id.ts'
import { device } from '../../design-docs/entities/device.ts'
import { type JsonObject, memberOf } from '../../design-docs/json-object.ts'
import type { Database } from '../store/store.ts'
import { bodyMembers } from './body-members.ts'

/** What a device says of itself. A pull says nothing but its id. */
export type SeenDevice = {
  readonly deviceId: string
  readonly deviceName?: string | null | undefined
  readonly platform?: string | undefined
  readonly now: number
}

/** Each write of the document wakes every phone of the user that is connected. */
const NOTED_MS = 15 * 60_000
/** Of a device that has pulled and never pushed. */
const UNKNOWN_PLATFORM = 'unknown'

/** Registers a device: its document is written when its name or platform changes, and else now and then. */
export async function noteDevice(database: Database, seen: SeenDevice): Promise<void> {
  const id = deviceDocId(seen.deviceId)
  const winner = database.doc(id, { withWinner: true })?.winner
  const known = winner === undefined || winner.deleted ? undefined : bodyMembers(winner.body)
  const members = deviceMembers(known, seen)
  if (known !== undefined && isCurrent(known, members, seen.now)) return
  const parent = winner?.rev
  // A conflict is another call's that registers the device, too.
  await database.write([{ kind: 'interactive', id, parent, deleted: false, body: JSON.stringify(members) }])
}

function deviceMembers(known: JsonObject | undefined, seen: SeenDevice): JsonObject {
  const { deviceId, now } = seen
  const kept = known !== undefined && isDevice(deviceId, known) ? known : {}
  return {
    ...kept,
    type: device.type,
    deviceId,
    deviceName: seen.deviceName ?? kept.deviceName ?? null,
    platform: seen.platform ?? kept.platform ?? UNKNOWN_PLATFORM,
    lastSyncAt: now,
    createdAt: kept.createdAt ?? now,
  }
}

function isDevice(deviceId: string, members: JsonObject): boolean {
  return checkDoc(device, { ...members, _id: deviceDocId(deviceId) }).length === 0
}

function isCurrent(known: JsonObject, members: JsonObject, now: number): boolean {
  const lastSyncAt = memberOf(known, 'lastSyncAt')
  const isFresh = typeof lastSyncAt === 'number' && lastSyncAt <= now && now - lastSyncAt < NOTED_MS
  return isFresh && JSON.stringify({ ...known, lastSyncAt: now }) === JSON.stringify({ ...known, ...members })
}
