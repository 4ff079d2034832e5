import { getHeapStatistics } from 'node:v8'
import { CouchError } from '../../couch-error.ts'
import { parseJson } from '../../http/json-body.ts'
import { jsonWeight } from '../../http/json-weight.ts'
import type { DocLimits } from './doc-input.ts'

/** Twice its text is on the heap while it is parsed, and something else has to be there too. */
const MAX_HEAP_SHARE = 1 / 3

/**
 * How long one document's JSON may be: room for escapes in its body, and for one attachment of the largest size as base64. A heap that
 * is too small for that takes less: a document of 100 MB ended a process with 200, and its client would have sent it again and again.
 */
export function maxSourceBytes({ maxDocumentBytes, maxAttachmentBytes }: DocLimits): number {
  const wanted = 2 * maxDocumentBytes + Math.ceil(1.5 * maxAttachmentBytes)
  return Math.min(wanted, Math.floor(getHeapStatistics().heap_size_limit * MAX_HEAP_SHARE))
}

/** Four times those of a long session with all its samples. To parse them takes a tenth of a second or two, in which nobody else is served. */
const MAX_VALUES = 1_000_000

/**
 * True for a text that no document within the limits has: the room above `maxDocumentBytes` is for strings. A hundred megabytes of
 * attachment take as much memory; a hundred megabytes of `{},` ended the process.
 */
export function isSourceTooLarge(source: Buffer, { maxDocumentBytes }: DocLimits): boolean {
  if (source.length <= Math.min(MAX_VALUES, maxDocumentBytes)) return false
  const { plainBytes, values } = jsonWeight(source)
  return values > MAX_VALUES || plainBytes > maxDocumentBytes
}

/** @throws CouchError `document_too_large`, before memory is taken for what the text holds. */
export function parseDocSource(source: Buffer, limits: DocLimits): unknown {
  if (isSourceTooLarge(source, limits))
    throw new CouchError(
      'document_too_large',
      `Document is larger than ${limits.maxDocumentBytes} bytes, or has more than ${MAX_VALUES} values`,
    )
  return parseJson(source)
}
