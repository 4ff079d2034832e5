import type { Readable } from 'node:stream'
import type { ZodType } from 'zod'
import { CouchError } from '../couch-error.ts'
import { jsonWeight, VALUE_BYTES } from './json-weight.ts'
import { describeIssues } from './query.ts'
import { readBytes } from './read-bytes.ts'

/** A body up to here is parsed as it is. */
const LIGHT_BYTES = 64 * 1024
/** Values of a larger one, where its route says nothing else: a hundred times what clients ask about. A million ids took a small heap whole. */
const MAX_VALUES = 200_000

const utf8 = new TextDecoder('utf-8', { fatal: true })

type JsonShape<Body> = { readonly schema: ZodType<Body>; readonly maxValues?: number | undefined }

/**
 * Reads a body as JSON and checks it. An empty one counts as absent where the schema takes that. `enter` waits until there is room for
 * so many bytes of parsed JSON.
 */
export async function readJson<Body>(
  bytes: Buffer,
  { schema, maxValues = MAX_VALUES }: JsonShape<Body>,
  enter: (bytes: number) => Promise<unknown>,
): Promise<Body> {
  if (bytes.length > LIGHT_BYTES) await enter(weighed(bytes, maxValues))
  const absent = bytes.length === 0 ? schema.safeParse(undefined) : undefined
  const parsed = absent?.success ? absent : schema.safeParse(parseJson(bytes))
  if (parsed.success) return parsed.data
  throw new CouchError('bad_request', describeIssues(parsed.error, 'Invalid body'))
}

/**
 * All bytes of a body. The limit counts what is left after decompression: no small gzip can fill memory.
 * @throws CouchError `too_large`
 */
export function readBody(stream: Readable, maxBytes: number): Promise<Buffer> {
  return readBytes(stream, length => checkSize(length, maxBytes))
}

function checkSize(length: number, maxBytes: number): void {
  if (length > maxBytes) throw new CouchError('too_large', `The body is larger than ${maxBytes} bytes.`)
}

/** How much memory a body's JSON takes. @throws CouchError `too_large` */
function weighed(bytes: Buffer, maxValues: number): number {
  const { values } = jsonWeight(bytes)
  if (values > maxValues) throw new CouchError('too_large', `The body has more than ${maxValues} values.`)
  return bytes.length + VALUE_BYTES * values
}

/** JSON of a client's bytes. CouchDB's own words for what is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new CouchError('bad_request', 'invalid UTF-8 JSON', { cause })
  }
}
