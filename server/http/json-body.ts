import type { Readable } from 'node:stream'
import type { ZodType } from 'zod'
import { CouchError } from '../couch-error.ts'
import { describeIssues } from './query.ts'

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
  const bytes = await readBytes(stream, maxBytes)
  const absent = bytes.length === 0 ? schema.safeParse(undefined) : undefined
  const parsed = absent?.success ? absent : schema.safeParse(parseJson(bytes))
  if (parsed.success) return parsed.data
  throw new CouchError('bad_request', describeIssues(parsed.error, 'Invalid body'))
}

/** All bytes of a stream; more than `maxBytes` are refused as `too_large`. */
export async function readBytes(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) throw new CouchError('too_large', `The body is larger than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

/** JSON of a client's bytes. CouchDB's own words for what is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new CouchError('bad_request', 'invalid UTF-8 JSON', { cause })
  }
}
