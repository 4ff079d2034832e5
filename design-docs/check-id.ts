import { checkText } from './check-value.ts'
import { isDeviceId, parseDocId, referenceTo, typeOfId } from './doc-id.ts'
import { type Entity, MAX_ID_LENGTH } from './entity.ts'
import { type JsonObject, memberOf } from './json-object.ts'
import type { Problem } from './problem.ts'
import { isUuid } from './uuid.ts'

/** Whether the `_id` is one that such an entity has, and the members that repeat a part of it agree. */
export function checkId(entity: Entity, doc: JsonObject): Problem | undefined {
  const id = memberOf(doc, '_id')
  const reason = checkText(id, MAX_ID_LENGTH)
  if (typeof id !== 'string' || reason !== undefined) return { path: '_id', reason: reason ?? '' }
  if (typeOfId(id) !== entity.type)
    return { path: '_id', reason: `The id is not one of type ${entity.type}.` }
  return checkType(entity, doc) ?? checkIdentity(entity, id, doc)
}

/** The `_id` alone says the type; a document may repeat it, but not contradict it. */
function checkType(entity: Entity, doc: JsonObject): Problem | undefined {
  const type = memberOf(doc, 'type')
  const expected = entity.typeMember ?? entity.type
  if (type === undefined || type === expected) return undefined
  return { path: 'type', reason: `Its id makes the document one of type ${expected}.` }
}

function checkIdentity(entity: Entity, id: string, doc: JsonObject): Problem | undefined {
  switch (entity.identity) {
    case 'client':
      return checkClientId(id, entity.type, memberOf(doc, 'clientId'))
    case 'singleton':
      return id === entity.type
        ? undefined
        : { path: '_id', reason: `There is one document with the id ${entity.type}.` }
    case 'device':
      return checkDeviceId(id, memberOf(doc, 'deviceId'))
    case 'chunk':
      return checkSessionId(id, memberOf(doc, 'sessionId'))
    case 'account':
      return undefined
  }
}

function checkClientId(id: string, type: string, clientId: unknown): Problem | undefined {
  const parts = parseDocId(id)
  if (parts === undefined) {
    return { path: '_id', reason: `Expected ${type}:<UUID in lower case> or ${type}:<deviceId>:<clientId>.` }
  }
  if (typeof clientId !== 'string' || parts.clientId === lowerCasedUuid(clientId)) return undefined
  return { path: 'clientId', reason: 'The client id is not the one in the document id.' }
}

function checkDeviceId(id: string, deviceId: unknown): Problem | undefined {
  const named = referenceTo(id)
  if (!isDeviceId(named)) return { path: '_id', reason: 'Expected device:<deviceId>.' }
  if (typeof deviceId !== 'string' || deviceId === named) return undefined
  return { path: 'deviceId', reason: 'The device id is not the one in the document id.' }
}

function checkSessionId(id: string, sessionId: unknown): Problem | undefined {
  if (typeof sessionId !== 'string') return undefined
  if (referenceTo(id).startsWith(`${lowerCasedUuid(sessionId)}:`)) return undefined
  return { path: 'sessionId', reason: 'The session id is not the one in the document id.' }
}

function lowerCasedUuid(id: string): string {
  return isUuid(id) ? id.toLowerCase() : id
}
