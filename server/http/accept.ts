import type { IncomingHttpHeaders } from 'node:http'

type MediaRange = { readonly range: string; readonly quality: number }

/**
 * How much a client wants a media type, from 0 to 1, if its `Accept` names it, as itself or as `multipart/*`. A wildcard for everything
 * names nothing: whoever sends it has not said that he can read more than JSON.
 */
export function namedQuality(headers: IncomingHttpHeaders, mediaType: string): number {
  const ranges = readAccept(headers.accept ?? '')
  return qualityIn(ranges, mediaType) ?? qualityIn(ranges, mediaType.replace(/\/.*/, '/*')) ?? 0
}

/** How much a client wants JSON: also by a wildcard, or by saying nothing. */
export function jsonQuality(headers: IncomingHttpHeaders): number {
  if (headers.accept === undefined) return 1
  const ranges = readAccept(headers.accept)
  const [named, ...wider] = ['application/json', 'application/*', '*/*'].map(range =>
    qualityIn(ranges, range),
  )
  return named ?? wider.find(quality => quality !== undefined) ?? 0
}

function readAccept(accept: string): readonly MediaRange[] {
  return accept.split(',').map(text => {
    const [range = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
    return { range, quality: qualityOf(parameters) }
  })
}

function qualityOf(parameters: readonly string[]): number {
  const weight = parameters.find(parameter => /^q\s*=/.test(parameter))
  const quality = Number(weight?.replace(/^q\s*=/, '') ?? 1)
  return quality >= 0 && quality <= 1 ? quality : 1
}

function qualityIn(ranges: readonly MediaRange[], wanted: string): number | undefined {
  return ranges.find(({ range }) => range === wanted)?.quality
}
