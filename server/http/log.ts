import { AssertionError } from 'node:assert'
import { type DestinationStream, type Logger, pino } from 'pino'

/**
 * The server's log: lines of JSON. Nothing in it may be somebody's: no token, cookie, password or document, however
 * deep in an error it is.
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, serializers: { err: errorFacts } }
  return destination === undefined ? pino(options) : pino(options, destination)
}

type ErrorFacts = { readonly type: string; readonly message: string; readonly stack?: string | undefined }

/** What the log says of an error: not its members, which may hold what was being worked on. */
function errorFacts(thrown: unknown): ErrorFacts {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: 'not an Error' }
  return { type: thrown.name, message: safeMessage(thrown), stack: stacksOf(thrown).join('\ncaused by: ') }
}

/** Of an error and its causes, outermost first. A chain longer than this says nothing more. */
function stacksOf(thrown: unknown, depth = 5): string[] {
  if (!(thrown instanceof Error) || depth === 0) return []
  const { code } = thrown as NodeJS.ErrnoException
  const head = `${thrown.name}${code === undefined ? '' : ` [${code}]`}: ${safeMessage(thrown)}`
  return [`${head}${framesOf(thrown)}`, ...stacksOf(thrown.cause, depth - 1)]
}

function framesOf({ stack = '', message }: Error): string {
  const end = stack.indexOf(message)
  const frames = (end < 0 ? stack : stack.slice(end + message.length)).split('\n')
  return frames
    .filter(line => line.startsWith('    at '))
    .map(line => `\n${line}`)
    .join('')
}

/** `JSON.parse` quotes the text it fails on, and an assertion the values it compares. */
function safeMessage(error: Error): string {
  if (error instanceof SyntaxError) return 'text that does not parse'
  if (error instanceof AssertionError && error.generatedMessage) return `not ${error.operator}`
  return error.message
}
