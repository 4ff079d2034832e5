import type { IncomingHttpHeaders } from 'node:http'

/** What one item of an `Accept` or `Accept-Encoding` names, in lower case, and how much it is wanted, from 0 to 1. */
type Wish = { readonly name: string; readonly quality: number }

/** True if the client names JSON among what it accepts; a wildcard is not enough. */
export function namesJson(headers: IncomingHttpHeaders): boolean {
  return (headers.accept ?? '').toLowerCase().includes('application/json')
}

/** True if a client names this kind of multipart and does not like JSON better. */
export function prefersMultipart(
  headers: IncomingHttpHeaders,
  mediaType: 'multipart/mixed' | 'multipart/related',
): boolean {
  const quality = namedQuality(headers, mediaType)
  return quality > 0 && quality >= jsonQuality(headers)
}

/** The kind of multipart that a client likes better than JSON, which it gets in doubt. */
export function multipartOverJson(headers: IncomingHttpHeaders): string | undefined {
  const mixed = namedQuality(headers, 'multipart/mixed')
  const related = namedQuality(headers, 'multipart/related')
  if (Math.max(mixed, related) <= jsonQuality(headers)) return undefined
  return mixed >= related ? 'multipart/mixed' : 'multipart/related'
}

/**
 * True if an `Accept-Encoding` asks for gzip rather than for the plain bytes. What it does not name has no say, and
 * `gzip;q=0` refuses it (RFC 9110, 12.5.3). Without the header the answer stays plain: who does not ask may not unpack.
 */
export function acceptsGzip(header: string | undefined): boolean {
  const wishes = readWishes(header ?? '')
  const gzip = ['gzip', 'x-gzip', '*'].map(name => qualityIn(wishes, name)).find(isGiven) ?? 0
  return gzip > 0 && gzip >= (qualityIn(wishes, 'identity') ?? 0)
}

/**
 * How much a client wants a media type if its `Accept` names it, as itself or as `multipart/*`. A wildcard for everything
 * names nothing: whoever sends it has not said that he can read more than JSON.
 */
function namedQuality(headers: IncomingHttpHeaders, mediaType: string): number {
  const wishes = readWishes(headers.accept ?? '')
  return qualityIn(wishes, mediaType) ?? qualityIn(wishes, mediaType.replace(/\/.*/, '/*')) ?? 0
}

/** How much a client wants JSON: also by a wildcard, or by saying nothing. */
function jsonQuality(headers: IncomingHttpHeaders): number {
  if (headers.accept === undefined) return 1
  const wishes = readWishes(headers.accept)
  const ranges = ['application/json', 'application/*', '*/*']
  return ranges.map(range => qualityIn(wishes, range)).find(isGiven) ?? 0
}

function readWishes(header: string): readonly Wish[] {
  return header.split(',').map(item => {
    const [name = '', ...parameters] = item.split(';').map(part => part.trim().toLowerCase())
    return { name, quality: parameters.map(weightOf).find(isGiven) ?? 1 }
  })
}

/** What a parameter `q=0.5` says, also with blanks around its `=`; undefined for any other, or one that is no weight. */
function weightOf(parameter: string): number | undefined {
  const quality = Number(/^q\s*=\s*([\d.]+)$/.exec(parameter)?.[1])
  return quality >= 0 && quality <= 1 ? quality : undefined
}

/** The first one of a name counts. */
function qualityIn(wishes: readonly Wish[], wanted: string): number | undefined {
  return wishes.find(({ name }) => name === wanted)?.quality
}

function isGiven(quality: number | undefined): boolean {
  return quality !== undefined
}
