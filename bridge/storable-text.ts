/** NUL, half a surrogate pair, and the backslash that the escapes themselves begin with. */
const ESCAPED = /[\0\\]|\p{Surrogate}/gu

/** Text that Postgres can store for any text, different for different texts: what it cannot hold is escaped. */
export function storableText(text: string): string {
  return text.replace(ESCAPED, escaped)
}

function escaped(character: string): string {
  if (character === '\\') return '\\\\'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The text that `storableText` was given. */
export function originalText(stored: string): string {
  return stored.replace(/\\(?:\\|u([0-9a-f]{4}))/g, (_, hex: string | undefined) =>
    hex === undefined ? '\\' : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
