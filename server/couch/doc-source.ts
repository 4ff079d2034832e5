import { CouchError } from '../couch-error.ts'
import { parseJson } from '../http/json-body.ts'
import { jsonWeight } from '../http/json-weight.ts'
import type { DocLimits } from './doc-input.ts'

/** How long one document's JSON may be: room for escapes in its body, and for one attachment of the largest size as base64. */
export function maxSourceBytes({ maxDocumentBytes, maxAttachmentBytes }: DocLimits): number {
  return 2 * maxDocumentBytes + Math.ceil(1.5 * maxAttachmentBytes)
}

/**
 * True for a text that no document within the limits has: the room above `maxDocumentBytes` is for strings. A hundred megabytes of
 * attachment take as much memory; a hundred megabytes of `{},` ended the process.
 */
export function isSourceTooLarge(source: Buffer, { maxDocumentBytes }: DocLimits): boolean {
  return source.length > maxDocumentBytes && jsonWeight(source).plainBytes > maxDocumentBytes
}

/** @throws CouchError `document_too_large`, before memory is taken for what the text holds. */
export function parseDocSource(source: Buffer, limits: DocLimits): unknown {
  if (isSourceTooLarge(source, limits))
    throw new CouchError('document_too_large', `Document is larger than ${limits.maxDocumentBytes} bytes`)
  return parseJson(source)
}
