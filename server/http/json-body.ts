import type { Readable } from 'node:stream'
import type { ZodType } from 'zod'
import { CouchError } from '../couch-error.ts'
import { describeIssues } from './query.ts'
import { readBytes } from './read-bytes.ts'

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
  const bytes = await readBytes(stream, length => checkSize(length, maxBytes))
  const absent = bytes.length === 0 ? schema.safeParse(undefined) : undefined
  const parsed = absent?.success ? absent : schema.safeParse(parseJson(bytes))
  if (parsed.success) return parsed.data
  throw new CouchError('bad_request', describeIssues(parsed.error, 'Invalid body'))
}

function checkSize(length: number, maxBytes: number): void {
  if (length > maxBytes) throw new CouchError('too_large', `The body is larger than ${maxBytes} bytes.`)
}

/** JSON of a client's bytes. CouchDB's own words for what is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new CouchError('bad_request', 'invalid UTF-8 JSON', { cause })
  }
}
