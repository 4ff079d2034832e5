import { isDeviceId } from '../../design-docs/doc-id.ts'
import { isJsonObject, type JsonObject } from '../../design-docs/json-object.ts'
import type { Database } from '../store/store.ts'
import { changeLocalMembers, localMembers } from './local-members.ts'
import { OneAtATime } from './one-at-a-time.ts'

/**
 * What a device was told is what counts. The app has one number to say how far it is: the `syncTime` of the last pull that it stored. It is
 * a time, because the phone compares its clock with it, but as a cursor it means what it meant when it was told: a place in the user's
 * changes. So the last pairs of both are kept for each device, in a local doc of the user's database, on disk before the answer is out.
 * A time that was never told, or was told in a history that a restore undid, means nothing: such a device is answered from the start.
 *
 * The same doc notes where the pushes began that came with the `lastSync` of the latest one. It tells a device that pushes before its first
 * pull from one that was installed anew and has forgotten what it once pushed.
 */
export type ToldPlaces = {
  /** The place that a `lastSync` means. Undefined: it was never told to this device. */
  placeOf(lastSync: number): number | undefined
  /** Behind this place the device knows what it wrote itself. `Infinity`: it may have forgotten all of it. */
  ownPlaceOf(lastSync: number): number
  /** The last time this device was told, and the place it means if it still means one. */
  readonly newest: { readonly syncTime: number; readonly place: number | undefined } | undefined
  readonly lastPush: LastPush | undefined
}

/** What is known of the last push of a device that was noted. */
export type LastPush = {
  readonly at: number
  readonly rows: number
  /** The newest `updatedAt` that it sent minus the server's time: how the device's clock goes, or how old what it sent was. */
  readonly clockSkew: number | undefined
}

/** What is seen of a push before it is written. */
export type SeenPush = {
  readonly now: number
  readonly rows: number
  readonly newestUpdatedAt: number | undefined
}

/** The device that was told a time last, of all devices of a user. */
export type LastTold = { readonly deviceId: string; readonly syncTime: number }

/** `own` is there for a place inside of a longer pull: where the device's own writes are known from, see `ownPlaceOf`. */
type Pair = { readonly syncTime: number; readonly sequence: string; readonly own?: string | undefined }

const KEPT_PAIRS = 8
const HOUR_MS = 3_600_000
/** How old what is noted of the last push may be. */
const PUSH_NOTED_MS = 10_000
/** The last time that any device of the user was told. */
const LAST_TOLD = 'pull'
const idOf = (deviceId: string) => `pull:${deviceId}`
const WRITES = new OneAtATime()

/** What this device was told so far. */
export function toldPlaces(database: Database, deviceId: string): ToldPlaces {
  const members = localMembers(database, idOf(deviceId))
  const pairs = pairsOf(members)
  const pushes = pushesOf(members)
  const newest = pairs.at(-1)
  const placeOf = (lastSync: number) =>
    placeIn(database, pairs.findLast(({ syncTime }) => syncTime === lastSync)?.sequence)
  return {
    placeOf,
    ownPlaceOf(lastSync) {
      const told = pairs.findLast(({ syncTime }) => syncTime === lastSync)
      const place = placeIn(database, told?.sequence)
      if (place !== undefined) return Math.max(place, placeIn(database, told?.own) ?? 0)
      const begun = pushes?.syncTime === lastSync ? placeIn(database, pushes.sequence) : undefined
      if (begun === undefined) return Number.POSITIVE_INFINITY
      return Math.max(begun, ...pairs.map(({ sequence }) => placeIn(database, sequence) ?? 0))
    },
    newest: newest && { syncTime: newest.syncTime, place: placeIn(database, newest.sequence) },
    lastPush: lastPushOf(members),
  }
}

/** The device of this user that pulled last. */
export function lastTold(database: Database): LastTold | undefined {
  const { deviceId, syncTime } = localMembers(database, LAST_TOLD)
  if (typeof deviceId !== 'string' || !isDeviceId(deviceId) || !isTime(syncTime)) return undefined
  return { deviceId, syncTime }
}

export type Telling = {
  readonly deviceId: string
  /** How far the changes are in the answer. */
  readonly place: number
  /** Of a page that is not the last one: how far own writes may be unknown to the device. */
  readonly ownPlace?: number | undefined
  /** What the device asked with: kept for as long as it does, however many answers are lost. */
  readonly lastSync: number
  readonly now: number
}

/**
 * The `syncTime` of an answer that brings a device to a place, once that is on disk. No time is told twice to a user and none goes back,
 * while the server's clock goes right. After it went far ahead and was put back, the time follows it: a phone sends what it wrote since.
 */
export function tell(
  database: Database,
  { deviceId, place, ownPlace, lastSync, now }: Telling,
): Promise<number> {
  const sequence = database.sequence(place)
  const own = ownPlace === undefined ? undefined : database.sequence(ownPlace)
  return WRITES.run(database.name, async () => {
    const pairs = pairsOf(localMembers(database, idOf(deviceId)))
    const syncTime = nextTime(now, lastTold(database)?.syncTime, pairs)
    await Promise.all([
      changeLocalMembers(database, LAST_TOLD, () => ({ deviceId, syncTime })),
      changeLocalMembers(database, idOf(deviceId), members => ({
        ...members,
        told: [...keptPairs(pairsOf(members), lastSync), { syncTime, sequence, own }],
      })),
    ])
    return syncTime
  })
}

/**
 * To be called for each push before it writes anything. It costs a write when `lastSync` is another one than before, or when the last one
 * that was noted is long ago.
 */
export function notePush(
  database: Database,
  deviceId: string,
  lastSync: number,
  seen?: SeenPush,
): Promise<void> {
  return WRITES.run(database.name, () =>
    changeLocalMembers(database, idOf(deviceId), members => {
      const noted = pushesOf(members)
      const isNew = noted?.syncTime !== lastSync || placeIn(database, noted.sequence) === undefined
      const lastPush = seen === undefined ? undefined : newLastPush(members, seen)
      if (!isNew && lastPush === undefined) return undefined
      const sequence = database.sequence(database.facts().updateSeq)
      const pushes = isNew ? { syncTime: lastSync, sequence } : noted
      return { ...members, pushes, ...(lastPush === undefined ? {} : { lastPush }) }
    }),
  )
}

/** Undefined where what is noted is new enough, or nothing was sent. */
function newLastPush(members: JsonObject, { now, rows, newestUpdatedAt }: SeenPush): LastPush | undefined {
  const last = lastPushOf(members)
  if (rows === 0 || (last !== undefined && last.at <= now && now - last.at < PUSH_NOTED_MS)) return undefined
  return { at: now, rows, clockSkew: newestUpdatedAt === undefined ? undefined : newestUpdatedAt - now }
}

function lastPushOf({ lastPush }: JsonObject): LastPush | undefined {
  if (!isJsonObject(lastPush) || !isTime(lastPush.at) || !isTime(lastPush.rows)) return undefined
  const { at, rows, clockSkew } = lastPush
  return { at, rows, clockSkew: isTime(clockSkew) ? clockSkew : undefined }
}

function nextTime(now: number, last: number | undefined, pairs: readonly Pair[]): number {
  let time = Math.max(now, (last ?? 0) + 1)
  if (time > now + HOUR_MS) time = now
  while (pairs.some(({ syncTime }) => syncTime === time)) time++
  return time
}

function keptPairs(pairs: readonly Pair[], lastSync: number): readonly Pair[] {
  const [asked] = pairs.filter(({ syncTime }) => syncTime === lastSync)
  const others = pairs.filter(pair => pair.syncTime !== lastSync)
  return asked === undefined ? others.slice(1 - KEPT_PAIRS) : [asked, ...others.slice(2 - KEPT_PAIRS)]
}

/** A place in another history is none: what this one has there is not what the device was told. */
function placeIn(database: Database, sequence: string | undefined): number | undefined {
  if (sequence === undefined) return undefined
  const { n, rewound } = database.place(sequence)
  return rewound ? undefined : n
}

function pairsOf({ told }: JsonObject): readonly Pair[] {
  return Array.isArray(told) ? told.filter(isPair).slice(-KEPT_PAIRS) : []
}

function pushesOf({ pushes }: JsonObject): Pair | undefined {
  return isPair(pushes) ? pushes : undefined
}

function isPair(value: unknown): value is Pair {
  return isJsonObject(value) && isTime(value.syncTime) && typeof value.sequence === 'string'
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value)
}
