import { CouchError } from '../couch-error.ts'
import { type Asker, isSecure } from './asker.ts'
import type { Caller } from './caller.ts'
import { isFromOwnPage } from './own-page.ts'
import type { PasswordCheck } from './password-check.ts'
import { endCookie, type SessionCookies } from './session-cookie.ts'

/** Sessions of server admins in a browser, and of CouchDB's replicator. Users bring tokens instead. */
export type Sessions = {
  /** The admin whose session a request's cookie proves. Undefined: as if it had none. */
  callerOf(asker: Asker): Caller | undefined
  /** Begins a session. Throws `unauthorized` with the header that ends an older one, or `too_many_requests`. */
  begin(asker: Asker, name: string, password: string): Promise<{ readonly setCookie: string }>
  /** The `Set-Cookie` that ends it. */
  end(asker: Asker): string
}

/** Sessions, from passwords and cookies. */
export function createSessions(cookies: SessionCookies, checkPassword: PasswordCheck): Sessions {
  return {
    callerOf(asker) {
      const read = isFromOwnPage(asker) ? cookies.read(asker.headers) : undefined
      if (read === undefined) return undefined
      const renewal = read.isToBeRenewed ? cookies.issue(read.name, isSecure(asker)) : undefined
      return { kind: 'admin', name: read.name, session: { renewal } }
    },
    async begin(asker, name, password) {
      refuseForeignPage(asker)
      const { address } = asker
      const admin = await checkPassword({ name, password, address }).catch(error => {
        throw withEndCookie(error, asker)
      })
      return { setCookie: cookies.issue(admin.name, isSecure(asker)) }
    },
    end: asker => endCookie(isSecure(asker)),
  }
}

/** Else any page could guess passwords through the browsers of those who read it. */
function refuseForeignPage(asker: Asker): void {
  if (!isFromOwnPage(asker)) throw new CouchError('forbidden', 'Log in from a page of this server.')
}

/** Who fails to log in is logged out, as CouchDB has it. */
function withEndCookie(error: unknown, asker: Asker): unknown {
  if (!(error instanceof CouchError) || error.word !== 'unauthorized') return error
  return new CouchError('unauthorized', error.message, {
    cause: error,
    headers: { ...error.headers, 'Set-Cookie': endCookie(isSecure(asker)) },
  })
}
