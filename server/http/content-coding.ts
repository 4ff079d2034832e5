import type { ServerResponse } from 'node:http'
import { acceptsGzip } from './accept.ts'

/** Below it gzip gains less than its own frame and the processor's time cost. */
const MIN_BYTES = 1024

/** Texts. What cameras and archivers make is compressed already. */
const COMPRESSIBLE = /^(text\/|application\/(json|javascript|xml)$|image\/svg\+xml$)|\+(json|xml)$/

/**
 * Decides whether an answer, whose headers are set, is gzipped, and says so in them. `length` is that of its body;
 * undefined for a stream. HEAD is decided as GET is.
 *
 * A gzipped answer has other bytes than the plain one, so its ETag becomes a weak one: a rev or a digest still names what is
 * inside, and `If-None-Match` finds it in either form. Ranges count plain bytes, so who asks for one gets it plain.
 */
export function chooseGzip(response: ServerResponse, length: number | undefined): boolean {
  if (!isCompressible(response)) return false
  addVary(response)
  const { headers } = response.req
  if (headers.range !== undefined || !acceptsGzip(acceptedBy(headers['accept-encoding']))) return false
  if (length !== undefined && length < MIN_BYTES) return false
  response.setHeader('Content-Encoding', 'gzip')
  // Asked first: once a length was removed, even one that was not there, Node sets none by itself.
  if (response.hasHeader('Content-Length')) response.removeHeader('Content-Length')
  response.removeHeader('Accept-Ranges')
  weaken(response)
  return true
}

/** A 304 must name the ETag that the client has: weak, if he has the gzipped answer. */
export function echoEtag(response: ServerResponse): void {
  const etag = response.getHeader('ETag')
  if (response.statusCode === 304 && response.req.headers['if-none-match']?.includes(`W/${etag}`))
    weaken(response)
}

function isCompressible(response: ServerResponse): boolean {
  if (response.statusCode === 206 || response.hasHeader('Content-Encoding')) return false
  const [type = ''] = String(response.getHeader('Content-Type') ?? '').split(';', 1)
  return COMPRESSIBLE.test(type.trim().toLowerCase())
}

/** Caches must not give what one client can read to another that cannot. */
function addVary(response: ServerResponse): void {
  const vary = response.getHeader('Vary')
  response.setHeader('Vary', vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`)
}

function weaken(response: ServerResponse): void {
  const etag = response.getHeader('ETag')
  if (typeof etag === 'string' && !etag.startsWith('W/')) response.setHeader('ETag', `W/${etag}`)
}

function acceptedBy(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join() : header
}
