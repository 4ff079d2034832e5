import type { Readable } from 'node:stream'
import type { ZodType } from 'zod'
import { CouchError } from '../couch-error.ts'
import { jsonWeight } from './json-weight.ts'
import { describeIssues } from './query.ts'
import { readBytes } from './read-bytes.ts'

/** A body up to here is parsed as it is. */
const LIGHT_BYTES = 1024 * 1024
/** Values of a larger one: a million ids with their revs, far more than clients ask about at once. */
const MAX_VALUES = 2_000_000

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a body as JSON and checks it. The limit counts what is left after decompression: no small gzip can fill
 * memory. An empty body counts as absent where the schema takes that.
 */
export async function readJson<Body>(
  stream: Readable,
  schema: ZodType<Body>,
  maxBytes: number,
): Promise<Body> {
  const bytes = await readBody(stream, maxBytes)
  const absent = bytes.length === 0 ? schema.safeParse(undefined) : undefined
  const parsed = absent?.success ? absent : schema.safeParse(parseBody(bytes))
  if (parsed.success) return parsed.data
  throw new CouchError('bad_request', describeIssues(parsed.error, 'Invalid body'))
}

/** All bytes of a body. @throws CouchError `too_large` */
export function readBody(stream: Readable, maxBytes: number): Promise<Buffer> {
  return readBytes(stream, length => checkSize(length, maxBytes))
}

function checkSize(length: number, maxBytes: number): void {
  if (length > maxBytes) throw new CouchError('too_large', `The body is larger than ${maxBytes} bytes.`)
}

function parseBody(bytes: Buffer): unknown {
  if (bytes.length > LIGHT_BYTES && jsonWeight(bytes).values > MAX_VALUES)
    throw new CouchError('too_large', `The body has more than ${MAX_VALUES} values.`)
  return parseJson(bytes)
}

/** JSON of a client's bytes. CouchDB's own words for what is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new CouchError('bad_request', 'invalid UTF-8 JSON', { cause })
  }
}
