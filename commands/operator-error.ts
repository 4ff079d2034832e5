/**
 * Something only the person at the keyboard can put right. It is shown as its lines, without a stack, and
 * the program ends with exit code 1. Every other error is a bug and is shown whole.
 */
export class OperatorError extends Error {
  /** One line for each thing that is wrong. */
  readonly lines: readonly string[]

  constructor(lines: string | readonly string[], options?: ErrorOptions) {
    const all = typeof lines === 'string' ? [lines] : lines
    super(all.join('\n'), options)
    this.name = 'OperatorError'
    this.lines = all
  }
}

/** What JavaScript itself and node:assert throw: never the operator's doing. */
const BUGS = ['AssertionError', 'TypeError', 'ReferenceError', 'SyntaxError', 'RangeError']

/** What a part threw while it started, as one line for the operator; a bug stays what it is. */
export function operatorErrorFrom(error: unknown): unknown {
  const isBug = !(error instanceof Error) || BUGS.some(name => error.name.startsWith(name))
  return isBug || error instanceof OperatorError
    ? error
    : new OperatorError(messageOf(error), { cause: error })
}

/** The text of whatever was thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/\s+/g, ' ').trim()
}

/** Whether this error, or one it was caused by, carries one of these codes of the operating system. */
export function isErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && codes.includes(String(error.code))) return true
  return isErrorCode(error.cause, ...codes)
}
