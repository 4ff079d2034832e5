/** A user's databases: `userdb-<hex>`, and the same with a dash and more. */
const USER_DATABASE = /^userdb-([0-9a-f]+)(?:-|$)/

/**
 * Which of so many files holds a database, from 0. All databases of a user are in the same one, by his hex; all that belong to no user
 * are in the first. It must stay as it is for ever: what it answers for a name is where the data lies.
 */
export function shardOf(name: string, count: number): number {
  const hex = USER_DATABASE.exec(name)?.[1]
  return hex === undefined ? 0 : hashOf(hex) % count
}

/** FNV-1a of 32 bits, with the last step of MurmurHash3: by itself its lowest bits follow from those of the text alone. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
