import { BridgeError } from './bridge-error.ts'
import { httpAnswer } from './http-answer.ts'

/** An answer that is not the one that was asked for. `status` is undefined when there was no answer at all. */
export class ServerError extends Error {
  readonly status: number | undefined
  /** The `error` and `reason` of a JSON answer. */
  readonly word: string | undefined
  readonly reason: string | undefined

  constructor(message: string, answer: Partial<Refusal> & { readonly cause?: unknown }) {
    super(message, answer.cause === undefined ? undefined : { cause: answer.cause })
    this.name = 'ServerError'
    this.status = answer.status
    this.word = answer.word
    this.reason = answer.reason
  }
}

type Refusal = {
  readonly status: number | undefined
  readonly word: string | undefined
  readonly reason: string | undefined
}

/** The answer is larger than `maxBytes`. Ask for less. */
export class AnswerTooLarge extends Error {
  constructor(path: string, maxBytes: number) {
    super(`the answer to ${path} has more than ${maxBytes} bytes`)
    this.name = 'AnswerTooLarge'
  }
}

export type CouchRequest = {
  readonly path: string
  /** Sent as a POST with this JSON body; without it a GET is sent. */
  readonly body?: unknown
  readonly signal: AbortSignal
  /** Gives up after this long without a byte. */
  readonly silenceMs?: number | undefined
  /** Gives up after this long in any case. */
  readonly answerMs?: number | undefined
  readonly maxBytes?: number | undefined
}

/** A server that speaks CouchDB's protocol. */
export interface CouchClient {
  /** Without credentials: fit for messages. */
  readonly url: string
  /** The parsed answer. Throws a `ServerError`, an `AnswerTooLarge`, or what the aborted signal says. */
  json(request: CouchRequest): Promise<unknown>
}

const SILENCE_MS = 60_000

/** The longest that an answer may take altogether: one that comes byte by byte is never silent. */
const ANSWER_MS = 300_000

/** The most that an answer may have that is not read in pages of bytes. Larger ones do not come from a server that is well. */
const MAX_BYTES = 128 * 1024 * 1024

/** Prepares requests to a server; sends none. The credentials leave the URL here and are in no message. */
export function couchClient(serverUrl: string): CouchClient {
  const { url, authorization } = parseServerUrl(serverUrl)
  const headers: Record<string, string> = { accept: 'application/json', 'content-type': 'application/json' }
  if (authorization !== undefined) headers.authorization = authorization
  return { url, json: request => requestJson(url, headers, request) }
}

function parseServerUrl(serverUrl: string): { url: string; authorization: string | undefined } {
  if (!URL.canParse(serverUrl)) throw new BridgeError('the server URL is no URL: check DIVAN_SERVER_URL')
  const parsed = new URL(serverUrl)
  const { username, password } = parsed
  parsed.username = ''
  parsed.password = ''
  const credentials = `${decoded(username)}:${decoded(password)}`
  return {
    url: parsed.href.replace(/\/+$/, ''),
    authorization:
      username === '' ? undefined : `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`,
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (cause) {
    const advice = 'a % of the name or password is written as %25: check DIVAN_SERVER_URL'
    throw new BridgeError(`the server URL cannot be read; ${advice}`, { cause })
  }
}

async function requestJson(
  url: string,
  headers: Record<string, string>,
  request: CouchRequest,
): Promise<unknown> {
  const watch = watchSilence(request)
  try {
    const maxBytes = request.maxBytes ?? MAX_BYTES
    const { status, text } = await httpAnswer({
      url: `${url}/${request.path}`,
      headers,
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
      signal: watch.signal,
      heard: bytes => {
        watch.heard()
        if (bytes > maxBytes) throw new AnswerTooLarge(request.path, maxBytes)
      },
    })
    if (status < 200 || status > 299) throw refusal(url, status, text)
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof ServerError || error instanceof AnswerTooLarge) throw error
    request.signal.throwIfAborted()
    throw new ServerError(`no usable answer from ${url}: ${causeOf(error)}`, { cause: error })
  } finally {
    watch.stop()
  }
}

type Watch = { readonly signal: AbortSignal; readonly heard: () => void; readonly stop: () => void }

/** Aborts when the caller does, and when nothing was heard for too long: a half-open connection says nothing. */
function watchSilence(request: CouchRequest): Watch {
  const { silenceMs = SILENCE_MS, answerMs = ANSWER_MS } = request
  const abort = new AbortController()
  const stopped = () => abort.abort(request.signal.reason)
  request.signal.addEventListener('abort', stopped, { once: true })
  if (request.signal.aborted) stopped()
  const timer = setTimeout(() => abort.abort(new Error(`nothing heard for ${silenceMs} ms`)), silenceMs)
  const end = setTimeout(() => abort.abort(new Error(`no end after ${answerMs} ms`)), answerMs)
  return {
    signal: abort.signal,
    heard: () => timer.refresh(),
    stop: () => {
      clearTimeout(timer)
      clearTimeout(end)
      request.signal.removeEventListener('abort', stopped)
    },
  }
}

const CHECK_CREDENTIALS = 'the bridge needs the name and password of a server admin. Check DIVAN_SERVER_URL'

function refusal(url: string, status: number, text: string): ServerError {
  const { error: word, reason } = parseRefusal(text)
  const said = [word, reason].filter(part => part !== undefined).join(': ')
  const words = said === '' ? '' : ` (${said})`
  const hint = status === 401 || status === 403 ? `: ${CHECK_CREDENTIALS}` : ''
  return new ServerError(`${url} answers ${status}${words}${hint}`, {
    status,
    word,
    reason,
  })
}

function parseRefusal(text: string): { error?: string | undefined; reason?: string | undefined } {
  try {
    const { error, reason } = Object(JSON.parse(text))
    return {
      error: typeof error === 'string' ? error : undefined,
      reason: typeof reason === 'string' ? reason : undefined,
    }
  } catch {
    return {}
  }
}

/** What was aborted says why in its cause; what failed on each of several addresses says it by its code alone. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const said = error.cause instanceof Error ? error.cause : error
  const code = 'code' in said ? String(said.code) : ''
  return said.message === '' ? code : said.message
}
