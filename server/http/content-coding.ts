import { acceptsGzip } from './accept.ts'
import type { Exchange } from './exchange.ts'
import type { Head } from './head.ts'

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
export function chooseGzip(exchange: Exchange, head: Head, length: number | undefined): boolean {
  const { response, headers } = exchange
  if (!isCompressible(response.statusCode, head)) return false
  const vary = head.Vary ?? exchange.commonHead.values.Vary
  head.Vary = vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`
  if (length !== undefined && length < MIN_BYTES) return false
  if (headers.range !== undefined || !acceptsGzip(acceptedBy(headers['accept-encoding']))) return false
  head['Content-Encoding'] = 'gzip'
  delete head['Content-Length']
  delete head['Accept-Ranges']
  weaken(head)
  return true
}

/** A 304 must name the ETag that the client has: weak, if he has the gzipped answer. */
export function echoEtag({ response, headers }: Exchange, head: Head): void {
  if (response.statusCode === 304 && headers['if-none-match']?.includes(`W/${head.ETag}`)) weaken(head)
}

function isCompressible(status: number, head: Head): boolean {
  if (status === 206 || head['Content-Encoding'] !== undefined) return false
  const type = head['Content-Type']
  if (type === 'application/json') return true
  return type !== undefined && COMPRESSIBLE.test(bareType(type))
}

function bareType(type: string): string {
  return type.split(';', 1).join('').trim().toLowerCase()
}

function weaken(head: Head): void {
  if (head.ETag !== undefined && !head.ETag.startsWith('W/')) head.ETag = `W/${head.ETag}`
}

function acceptedBy(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join() : header
}
