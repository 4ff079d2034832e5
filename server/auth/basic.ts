import { CouchError } from '../couch-error.ts'
import type { Asker } from './asker.ts'
import type { Caller } from './caller.ts'
import type { PasswordCheck } from './password-check.ts'

/** Checks `name:password` as it stands in a basic header. */
export type BasicCheck = (encoded: string, asker: Pick<Asker, 'address'>) => Promise<Caller>

/** Basic authentication of server admins. A refusal asks for a name and password, as browsers and tools expect. */
export function createBasicCheck(checkPassword: PasswordCheck): BasicCheck {
  return async (encoded, { address }) => {
    const [name, password] = splitCredentials(encoded)
    try {
      const admin = await checkPassword({ name, password, address })
      return { kind: 'admin', name: admin.name }
    } catch (error) {
      if (error instanceof CouchError && error.word === 'unauthorized') throw basicRefusal(error.message)
      throw error
    }
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
