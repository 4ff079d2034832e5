import { BoundedMap } from '../bounded-map.ts'
import { CouchError } from '../couch-error.ts'
import type { Asker } from './asker.ts'
import type { Caller } from './caller.ts'
import { createKeyedDigest } from './keyed-digest.ts'
import type { PasswordCheck } from './password-check.ts'

/** Checks `name:password` as it stands in a basic header. Who is known is told at once. */
export type BasicCheck = (encoded: string, asker: Pick<Asker, 'address'>) => Caller | Promise<Caller>

/** Right headers that are remembered, each program's in its own words. */
const MAX_KNOWN = 256

/**
 * Basic authentication of server admins. A refusal asks for a name and password, as browsers and tools expect. Programs send the same
 * header with each request, so one that was right is known by its digest, and is neither decoded nor checked again.
 */
export function createBasicCheck(checkPassword: PasswordCheck): BasicCheck {
  const digestOf = createKeyedDigest()
  const known = new BoundedMap<string, Caller>(MAX_KNOWN)

  async function check(encoded: string, address: string, digest: string): Promise<Caller> {
    const [name, password] = splitCredentials(encoded)
    try {
      const admin = await checkPassword({ name, password, address })
      const caller: Caller = { kind: 'admin', name: admin.name }
      known.set(digest, caller)
      return caller
    } catch (error) {
      if (error instanceof CouchError && error.word === 'unauthorized') throw basicRefusal(error.message)
      throw error
    }
  }

  return (encoded, asker) => {
    const digest = digestOf(encoded)
    return known.get(digest) ?? check(encoded, asker.address, digest)
  }
}

/** The password may hold colons, the name may not. */
function splitCredentials(encoded: string): [name: string, password: string] {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) throw basicRefusal('Basic credentials are base64 of name:password.')
  return [text.slice(0, colon), text.slice(colon + 1)]
}

function basicRefusal(reason: string): CouchError {
  return new CouchError('unauthorized', reason, { headers: { 'WWW-Authenticate': 'Basic realm="Divan"' } })
}
