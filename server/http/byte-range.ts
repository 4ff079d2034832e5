import { CouchError } from '../couch-error.ts'

export type ByteRange = { readonly start: number; readonly end: number }

/**
 * The one range that a `Range` header asks for. Undefined, for the whole, without a header, for other units and for several
 * ranges at once, as HTTP allows.
 * @throws CouchError if it lies outside
 */
export function byteRange(header: string | undefined, length: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.replaceAll(' ', '') ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const end = first === '' || last === '' ? length : Math.min(length, Number(last) + 1)
  if (start < end) return { start, end }
  throw new CouchError('requested_range_not_satisfiable', 'Requested range not satisfiable', {
    headers: { 'Content-Range': `bytes */${length}` },
  })
}
