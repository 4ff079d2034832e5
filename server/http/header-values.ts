import { hasLoneSurrogate } from '../../design-docs/lone-surrogate.ts'

/**
 * Texts of documents as values of headers, in an answer or in a part of one. Names, ids and content types come from clients and may be
 * any text; none of it may end a line, or whoever stores a document would write the headers of others' answers.
 */

/** Many readers give up on longer ones. */
const MAX_CHARS = 4096
const MAX_CONTENT_TYPE_CHARS = 1024
/** What ends a line somewhere, or is shown by nothing. Other text stands in a part's header as UTF-8, as CouchDB writes it. */
const UNPRINTABLE = /[\p{Control}\p{Line_Separator}\p{Paragraph_Separator}]/u

/** An attachment's `Content-Type`; that of mere bytes where its own is no header's value. */
export function contentTypeValue(contentType: string): string {
  const isValue = /^[\x20-\x7e]+$/.test(contentType) && contentType.length <= MAX_CONTENT_TYPE_CHARS
  return isValue ? contentType : 'application/octet-stream'
}

/**
 * A part's `Content-Disposition`. A name that does not go into quotes is encoded (RFC 5987), one that is too long is left out: the
 * order of `_attachments` says which is which.
 */
export function dispositionValue(name: string): string {
  if (hasLoneSurrogate(name) || name.length > MAX_CHARS) return 'attachment'
  const parameter = UNPRINTABLE.test(name)
    ? `filename*=UTF-8''${encoded(name)}`
    : `filename="${name.replaceAll(/["\\]/g, '\\$&')}"`
  return parameter.length > MAX_CHARS ? 'attachment' : `attachment; ${parameter}`
}

/** An id as it is, or undefined if it is no header's value. */
export function idValue(id: string): string | undefined {
  return UNPRINTABLE.test(id) || id.length > MAX_CHARS || id !== id.trim() ? undefined : id
}

/** RFC 5987 leaves fewer characters as they are than a URL. */
function encoded(name: string): string {
  return encodeURIComponent(name).replaceAll(
    /['()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
