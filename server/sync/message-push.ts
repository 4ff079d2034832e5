import { z } from 'zod'
import { entities } from '../../design-docs/catalogue.ts'
import { device } from '../../design-docs/entities/device.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { isJsonObject } from '../../design-docs/json-object.ts'
import { CouchError } from '../couch-error.ts'
import { fieldSchema, readMessage, senderSchema } from './message-reader.ts'

/** What a device says of itself when it pushes or pulls, and how far it is. */
export type PushMessage = {
  readonly deviceId: string
  readonly deviceName: string | null
  readonly platform: string
  readonly lastSync: number
  readonly lists: readonly SentList[]
}

/** More than fit into the largest body, if they say anything. */
const MAX_ROWS = 100_000

/** The rows of one entity as they were sent, whatever they are. */
export type SentList = { readonly entity: Entity; readonly name: string; readonly rows: readonly unknown[] }

/** An entity and the member of the messages that holds it. */
export type SyncedEntity = { readonly entity: Entity; readonly name: string }

/** The entities of push and pull messages, parents before children. */
export const syncedEntities: readonly SyncedEntity[] = entities.flatMap(entity =>
  entity.restName === undefined ? [] : [{ entity, name: entity.restName }],
)

/** One object instead of a list of them. */
export function isSingle(entity: Entity): boolean {
  return entity.identity === 'singleton'
}

const list = z.array(z.unknown(), { error: 'Expected a list.' }).nullish()
const single = z
  .unknown()
  .refine(value => value === null || isJsonObject(value), 'Expected an object.')
  .prefault(null)

/** Rows are not looked into: a bad one fails no other, and is told in the answer. */
const pushSchema: z.ZodType<{ readonly [member: string]: unknown }> = z.looseObject(
  {
    deviceId: senderSchema,
    deviceName: fieldSchema(device.fields.deviceName),
    platform: fieldSchema(device.fields.platform),
    lastSync: fieldSchema({ kind: 'long' }),
    ...Object.fromEntries(syncedEntities.map(({ entity, name }) => [name, isSingle(entity) ? single : list])),
  },
  { error: 'Expected a JSON object.' },
)

/** A push message. @throws CouchError `bad_request` that names the member, `too_large` */
export function readPushMessage(body: unknown): PushMessage {
  const message = readMessage(pushSchema, body)
  const lists = syncedEntities.map(({ entity, name }) => ({ entity, name, rows: rowsOf(message[name]) }))
  const count = lists.reduce((sum, { rows }) => sum + rows.length, 0)
  if (count > MAX_ROWS)
    throw new CouchError('too_large', `There are ${count} rows; send at most ${MAX_ROWS} at once.`)
  return {
    deviceId: String(message.deviceId),
    deviceName: typeof message.deviceName === 'string' ? message.deviceName : null,
    platform: String(message.platform),
    lastSync: Number(message.lastSync),
    lists,
  }
}

function rowsOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}
