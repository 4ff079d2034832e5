import { messageOf } from './operator-error.ts'

/** What a part says of itself, or what became of asking. `words` is `ok`, or what is wrong. */
export type Answered = { readonly isUp: boolean; readonly words: string }

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
      if (response.ok) return { isUp: true, words: 'ok' }
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

function parse(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
