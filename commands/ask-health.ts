import { messageOf } from './operator-error.ts'

/** What a part says of itself, or what became of asking. */
export type Answered = {
  readonly isUp: boolean
  /** `ok`, or what is wrong. */
  readonly words: string
  /** What is wrong though it is up: databases of a bridge that alone are in trouble. */
  readonly notes?: readonly string[]
}

const PATIENCE_MS = 5000

/** A CouchDB in the place of the server has no `/health`. */
const PATHS = ['health', '_up'] as const

/** Asks a process at this URL how it is. */
export async function askHealth(url: string): Promise<Answered> {
  try {
    for (const path of PATHS) {
      const response = await fetch(new URL(path, withSlash(url)), {
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      const text = await response.text()
      if (response.ok) return { isUp: true, words: 'ok', notes: troublesIn(text) }
      if (response.status !== 404 && response.status !== 401) return { isUp: false, words: wordsOf(text) }
    }
    return { isUp: false, words: 'what answers there has no /health' }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return { isUp: false, words: `does not answer (${messageOf(cause)})` }
  }
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}

/** The status, and of whatever is away since when and why. */
function wordsOf(text: string): string {
  const body = parse(text)
  const parts = Object.entries(body).flatMap(([name, value]) => {
    const { since, reason } = Object(value)
    return typeof since === 'string' ? [`${name} is away since ${since}: ${reason}`] : []
  })
  const { status = text.slice(0, 200), reason } = body
  return [String(status), ...(typeof reason === 'string' ? [reason] : []), ...parts].join('; ')
}

/** A screen has no room for all of them. */
const MAX_TROUBLES = 5

/** The databases that a bridge cannot mirror, though it is well. */
function troublesIn(text: string): string[] {
  const { count, databases } = Object(parse(text).troubled)
  if (typeof count !== 'number' || !Array.isArray(databases)) return []
  const named = databases.slice(0, MAX_TROUBLES).map(trouble => {
    const { database, since, reason } = Object(trouble)
    return `${database} cannot be mirrored since ${since}: ${reason}`
  })
  return count > named.length ? [...named, `and ${count - named.length} other databases`] : named
}

function parse(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
