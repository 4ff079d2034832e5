import { isJsonObject, type JsonObject } from '../../design-docs/json-object.ts'

/** The members of a body as the store has it; none of what is no object, or is not there. */
export function bodyMembers(body: string | undefined): JsonObject {
  const members: unknown = body === undefined ? undefined : JSON.parse(body)
  return isJsonObject(members) ? members : {}
}
