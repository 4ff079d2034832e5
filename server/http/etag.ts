/** True if one of the tags in an `If-None-Match` is this one: the client has the answer already. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag)
}
