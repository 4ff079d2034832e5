import type { ServerResponse } from 'node:http'
import type { Answer } from './route.ts'
import { socketOut } from './socket-out.ts'

/** Writes an answer: the one place that does. HEAD gets the headers that GET would get. */
export async function writeAnswer(response: ServerResponse, answer: Answer): Promise<void> {
  response.statusCode = answer.status ?? 200
  for (const [name, value] of Object.entries(defaultHeaders(answer))) response.setHeader(name, value)
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  if ('write' in answer) return writeStream(response, answer.write)

  const body = bodyOf(answer)
  if (body !== undefined && !response.hasHeader('Content-Length')) {
    response.setHeader('Content-Length', Buffer.byteLength(body))
  }
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

/** What every answer says unless it says otherwise. CouchDB has caches ask again each time, so do we. */
function defaultHeaders(answer: Answer): Record<string, string> {
  if ('empty' in answer) return { 'Cache-Control': 'must-revalidate' }
  const contentType = 'bytes' in answer ? 'application/octet-stream' : 'application/json'
  return { 'Cache-Control': 'must-revalidate', 'Content-Type': contentType }
}

function bodyOf(answer: Exclude<Answer, { write: unknown }>): string | Uint8Array | undefined {
  if ('json' in answer) return `${JSON.stringify(answer.json)}\n`
  if ('text' in answer) return answer.text
  if ('bytes' in answer) return answer.bytes
  return undefined
}

/**
 * Once a piece is out, the status is too: what goes wrong later can only cut the socket. The client sees an answer
 * that breaks off and asks again; a well-formed end would have it believe it has everything.
 */
async function writeStream(
  response: ServerResponse,
  write: (out: ReturnType<typeof socketOut>) => Promise<void>,
): Promise<void> {
  if (response.req.method === 'HEAD') {
    response.end()
    return
  }
  await write(socketOut(response))
  response.end()
}
