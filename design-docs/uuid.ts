import { hash } from 'node:crypto'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether the text has the form of a UUID, of any version and in upper or lower case. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** A UUIDv5 (RFC 9562, section 5.5): the same namespace and name give the same UUID everywhere and for ever. */
export function uuidV5(namespace: string, name: string): string {
  const hex = hash('sha1', named(namespace, name), 'hex')
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Ids are made by the thousand, for one user after the other. */
let scratch = Buffer.alloc(4096)
let scratchSpace = ''

/** The namespace's bytes and the name's. Good until the next call. */
function named(namespace: string, name: string): Buffer {
  const most = 16 + name.length * 3
  if (scratch.length < most || namespace !== scratchSpace) {
    scratch = Buffer.alloc(Math.max(4096, most))
    scratch.write(namespace.replaceAll('-', ''), 'hex')
    scratchSpace = namespace
  }
  return scratch.subarray(0, 16 + scratch.write(name, 16))
}
