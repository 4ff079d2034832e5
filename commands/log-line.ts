/** What a line of a JSON log tells a person: who says it, how bad it is, and why. Any other line stays as it is. */
export function readableLogLine(line: string): string {
  const entry = parseEntry(line)
  if (entry === undefined) return line
  const { name, level, msg, err, reason } = entry
  const severity = WORD_OF_LEVEL.find(([from]) => Number(level) >= from)?.[1] ?? ''
  const message = typeof err === 'object' && err !== null && 'message' in err ? err.message : reason
  const cause = message === undefined ? '' : ` (${message})`
  return `${name ?? 'divan'}: ${severity}${msg}${cause}`
}

/** From the worst down; what is only for information needs no word. */
const WORD_OF_LEVEL: readonly (readonly [from: number, word: string])[] = [
  [50, 'error: '],
  [40, 'warning: '],
]

type Entry = {
  readonly name?: unknown
  readonly level: unknown
  readonly msg: unknown
  readonly err?: unknown
  readonly reason?: unknown
}

function parseEntry(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const entry: unknown = JSON.parse(line)
    const isEntry = typeof entry === 'object' && entry !== null && 'level' in entry && 'msg' in entry
    return isEntry ? entry : undefined
  } catch {
    return undefined
  }
}
