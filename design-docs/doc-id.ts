import assert from 'node:assert'
import { DEVICE_ID_PATTERN } from './base-fields.ts'
import { entityOfType } from './catalogue.ts'
import type { DatabaseKind, Entity } from './entity.ts'
import { isUuid } from './uuid.ts'

const deviceIdPattern = new RegExp(DEVICE_ID_PATTERN)

/** Whether the text can be a device id: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`. */
export function isDeviceId(text: string): boolean {
  return deviceIdPattern.test(text)
}

/** The type that an `_id` names: all of it up to its first colon. It need not be a type that exists. */
export function typeOfId(id: string): string {
  const colon = id.indexOf(':')
  return colon < 0 ? id : id.slice(0, colon)
}

/**
 * The description of the document that has this `_id` in a database of this kind. A type means nothing in
 * another kind of database: what a user's database calls an account is none.
 */
export function entityOfDoc(database: DatabaseKind, id: string): Entity | undefined {
  const entity = entityOfType(typeOfId(id))
  return entity?.database === database ? entity : undefined
}

/** An `_id` without its type: what a reference to the document holds. */
export function referenceTo(id: string): string {
  return id.slice(typeOfId(id).length + 1)
}

/** The parts of the `_id` of a document that a client named. */
export interface DocIdParts {
  readonly type: string
  readonly clientId: string
  /** The device within which the client id means something; a UUID needs none. */
  readonly deviceId: string | undefined
}

/**
 * The `_id` of a client's row. A client id that is no UUID counts the rows of one device, and two devices
 * mean different rows by the same number: such an id is scoped by its device.
 */
export function docId(type: string, clientId: string, deviceId?: string): string {
  if (entityOfType(type)?.identity === 'singleton') return type
  if (isUuid(clientId)) return `${type}:${clientId.toLowerCase()}`
  assert(clientId !== '', 'a client id is not empty')
  assert(
    deviceId !== undefined && isDeviceId(deviceId),
    'a client id that is no UUID needs the id of its device',
  )
  return `${type}:${deviceId}:${clientId}`
}

/** The parts `docId` made the `_id` of; undefined for an `_id` it does not make. */
export function parseDocId(id: string): DocIdParts | undefined {
  const type = typeOfId(id)
  const rest = referenceTo(id)
  if (isUuid(rest))
    return rest === rest.toLowerCase() ? { type, clientId: rest, deviceId: undefined } : undefined
  const colon = rest.indexOf(':')
  const deviceId = rest.slice(0, Math.max(colon, 0))
  const clientId = rest.slice(colon + 1)
  if (!isDeviceId(deviceId) || clientId === '' || isUuid(clientId)) return undefined
  return { type, clientId, deviceId }
}

/** The `_id` of the document about a device. */
export function deviceDocId(deviceId: string): string {
  assert(isDeviceId(deviceId), 'a device id has 1 to 64 of the characters A-Z a-z 0-9 . _ -')
  return `device:${deviceId}`
}

/** The `_id` of a part of a session's metric samples. `sessionId` is a reference, `chunk` tells the parts apart. */
export function metricsDocId(sessionId: string, chunk: string): string {
  return `metrics:${sessionId}:${chunk}`
}

/** The `_id` of an account in `_users`. Emails compare lower-cased. */
export function accountDocId(email: string): string {
  return `org.couchdb.user:${email.toLowerCase()}`
}
