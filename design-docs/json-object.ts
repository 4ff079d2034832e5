/** A JSON object. */
export type JsonObject = { readonly [member: string]: unknown }

/** Whether the value is a JSON object: not null, not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A member of a JSON object, where null counts as absent, because clients write null for what they do not
 * know. Only own members count: no object of a client has a `constructor` unless it says so.
 */
export function memberOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined
}
