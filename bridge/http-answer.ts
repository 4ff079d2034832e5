import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

export type HttpRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Sent as a POST; without it a GET is sent. */
  readonly body?: string | undefined
  readonly signal: AbortSignal
  /** Called with each piece of the answer, with the bytes up to there. What it throws ends the request. */
  readonly heard: (bytes: number) => void
}

export type HttpAnswer = { readonly status: number; readonly text: string }

/** How long a connection waits for the next request: less than most servers let it, and no server waits for it to end. */
const IDLE_MS = 4000

/** Connections are kept for a while. `fetch` does that too, but takes twice the processor time for a large body. */
const kept = { keepAlive: true, timeout: IDLE_MS }
const agents = { http: new HttpAgent(kept), https: new HttpsAgent(kept) }

/**
 * Asks over HTTP, for what may be asked twice: where the server has closed the kept connection at the very moment at which it
 * is used again, another one is made.
 */
export async function httpAnswer(asked: HttpRequest): Promise<HttpAnswer> {
  for (;;) {
    const sent = send(asked)
    try {
      const response = await responseTo(sent)
      if (response !== 'kept too long') {
        return { status: response.statusCode ?? 0, text: await textOf(response, asked) }
      }
    } catch (error) {
      sent.destroy()
      // What is aborted in the middle of an answer only says so itself.
      asked.signal.throwIfAborted()
      throw error
    }
  }
}

function send({ url, headers, body, signal }: HttpRequest): ClientRequest {
  const options = { headers, signal, method: body === undefined ? 'GET' : 'POST' }
  const request = url.startsWith('https:')
    ? httpsRequest(url, { ...options, agent: agents.https })
    : httpRequest(url, { ...options, agent: agents.http })
  // With the length of the body.
  return request.end(body)
}

function responseTo(sent: ClientRequest): Promise<IncomingMessage | 'kept too long'> {
  return new Promise((resolve, reject) => {
    sent.once('response', resolve)
    // Stays: what comes after the response is the response's to say.
    sent.on('error', error => (isKeptTooLong(sent, error) ? resolve('kept too long') : reject(error)))
  })
}

function textOf(response: IncomingMessage, { heard }: HttpRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      chunks.push(chunk)
      try {
        heard(bytes)
      } catch (error) {
        reject(error)
      }
    })
    response.once('end', () => resolve(Buffer.concat(chunks, bytes).toString('utf8')))
    response.on('error', reject)
  })
}

function isKeptTooLong(sent: ClientRequest, error: Error): boolean {
  return sent.reusedSocket && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}
