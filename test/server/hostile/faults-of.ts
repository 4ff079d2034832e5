import type { RawReply } from '../../fixtures/raw-connection.ts'
import type { HostileRequest } from './hostile-requests.ts'

/** What an answer must never tell. */
const INTERNALS =
  /\n\s+at |node:internal|node_modules|\.ts:\d|\/tmp\/|SQLITE|\b(Type|Range|Syntax|Reference)Error\b|ZodError/

/** CouchDB's own words for `_id`, `_attachments`, `docs` and what is within them. */
const NAMED_IN_WORDS =
  /^(Document (id|rev|must|is nested)|Attachment |Only reserved document ids|Invalid rev format: |Invalid attachment data for )/

/** Words of a refusal that is about the form of what was sent, and so has to name what is wrong with it. */
const FORM = new Set(['query_parse_error', 'bad_request', 'doc_validation', 'illegal_docid'])

/** What is wrong with an answer, whatever the request was; undefined for a good one. */
export function faultOf(reply: RawReply, request: HostileRequest): string | undefined {
  const { status, headers } = reply
  const text = reply.body.toString('utf8')
  if (status === 0) return 'no answer'
  if (status >= 500 && !isRepeatable(status, text)) return `${status}: ${text.slice(0, 200)}`
  if (!reply.isWhole && !isLive(headers, request)) return `${status}, and no end: ${text.slice(0, 200)}`
  if (status >= 400) return refusalFault(reply, request, text)
  if (INTERNALS.test(text) && !text.includes('etc/passwd')) return `internals: ${INTERNALS.exec(text)?.[0]}`
  if (headers.get('content-type') !== 'application/json' || !reply.isWhole || text === '') return undefined
  // An attachment is what its owner says it is.
  if (headers.has('accept-ranges')) return undefined
  return isLines(request) || isJsonText(text) ? undefined : `no JSON: ${text.slice(0, 200)}`
}

/** A replication log that its client never asked for: it has to begin anew. */
function isRepeatable(status: number, text: string): boolean {
  return status === 503 && text.includes('"service_unavailable"') && text.includes('replication')
}

function isLive(headers: RawReply['headers'], { target }: HostileRequest): boolean {
  return headers.get('transfer-encoding') === 'chunked' && /_changes|_db_updates/.test(target)
}

function isLines({ target }: HostileRequest): boolean {
  return /_changes|_db_updates/.test(target)
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function refusalFault(
  { status, headers }: RawReply,
  request: HostileRequest,
  text: string,
): string | undefined {
  if (request.method === 'HEAD' || mayBeBodiless(status, headers, request)) return undefined
  if (!isJsonText(text)) return `${status} without a reason: ${text.slice(0, 200)}`
  const isApi = /^\/api(\/|$|\?)/.test(request.target)
  const { error, reason } = isApi ? inCouchWords(status, JSON.parse(text)) : JSON.parse(text)
  if (typeof error !== 'string' || typeof reason !== 'string' || reason === '')
    return `${status} without a reason: ${text.slice(0, 200)}`
  if (INTERNALS.test(reason) && !request.target.includes('etc')) return `internals: ${text.slice(0, 300)}`
  if (request.names === undefined || !FORM.has(error)) return undefined
  const isNamed = request.names.some(name => reason.includes(name)) || NAMED_IN_WORDS.test(reason)
  return isNamed ? undefined : `names none of ${request.names}: ${text.slice(0, 200)}`
}

/** What is refused before its path was read. */
const UNREAD =
  /^(The path and the headers are too long|This is not a request of HTTP|The extensions of a chunk|The request did not)/

/** Below /api an error is `{"error": "text"}`, and nothing else. */
function inCouchWords(
  status: number,
  { error, ...rest }: { readonly error?: unknown; readonly reason?: unknown },
) {
  if (UNREAD.test(String(rest.reason))) return { error, reason: rest.reason }
  const word = Object.keys(rest).length > 0 ? undefined : status === 400 ? 'bad_request' : String(status)
  return { error: word, reason: error }
}

/** couch/bodiless-errors.ts: for clients that a body would stop for good. */
function mayBeBodiless(status: number, headers: RawReply['headers'], { target }: HostileRequest): boolean {
  return headers.get('content-length') === '0' && (status === 401 || target.includes('/_changes'))
}
