/**
 * The names that `Content-Disposition: attachment; filename="…"` may mean. CouchDB writes a name between the quotes as it is, quotes
 * and backslashes in it included; CDTDatastore puts a backslash before those, and others follow RFC 6266.
 */
export function fileNames(disposition: string | undefined): ReadonlySet<string> {
  if (disposition === undefined) return new Set()
  return new Set([...quotedNames(disposition), ...plainName(disposition), ...extendedName(disposition)])
}

const QUOTED = 'filename="'

function quotedNames(disposition: string): readonly string[] {
  const at = disposition.toLowerCase().indexOf(QUOTED)
  if (at === -1) return []
  const start = at + QUOTED.length
  const upToLastQuote = disposition.slice(start, Math.max(start, disposition.lastIndexOf('"')))
  const string = /(?:[^"\\]|\\.)*/y
  string.lastIndex = start
  const upToClosingQuote = string.exec(disposition)?.[0] ?? ''
  return [upToLastQuote, upToLastQuote, upToClosingQuote].map((name, n) => (n === 0 ? name : unescaped(name)))
}

function unescaped(name: string): string {
  return name.replace(/\\(.)/g, '$1')
}

function plainName(disposition: string): readonly string[] {
  const name = /;\s{0,9}filename=([^\s;"]+)/i.exec(disposition)?.[1]
  return name === undefined ? [] : [name]
}

function extendedName(disposition: string): readonly string[] {
  const name = /;\s{0,9}filename\*=utf-8'[^';]{0,40}'([^\s;"]+)/i.exec(disposition)?.[1]
  try {
    return name === undefined ? [] : [decodeURIComponent(name)]
  } catch {
    return []
  }
}
