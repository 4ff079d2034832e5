import type { Caller } from '../auth/caller.ts'
import { CouchError } from '../couch-error.ts'
import type { Route } from '../http/route.ts'

/**
 * Who the server takes the caller for. There are no cookies yet: CouchDB's replicator asks for one first, and only
 * a 404 makes it send its name and password with every request instead.
 */
export function sessionRoutes(): readonly Route[] {
  const path = '/_session'
  return [
    { method: 'GET', path, access: 'public', handle: call => ({ json: session(call.caller) }) },
    {
      method: 'POST',
      path,
      access: 'everyone',
      handle() {
        throw new CouchError('not_found', 'Send your credentials with every request: there are no cookies.')
      },
    },
    { method: 'DELETE', path, access: 'everyone', handle: () => ({ json: { ok: true } }) },
  ]
}

function session(caller: Caller) {
  const authenticated = { anonymous: undefined, user: 'jwt', admin: 'default' }[caller.kind]
  return {
    ok: true,
    userCtx: userCtx(caller),
    info: { authentication_handlers: ['jwt', 'default'], authenticated },
  }
}

function userCtx(caller: Caller): { readonly name: string | null; readonly roles: readonly string[] } {
  switch (caller.kind) {
    case 'anonymous':
      return { name: null, roles: [] }
    case 'user':
      return { name: caller.sub, roles: [] }
    case 'admin':
      return { name: caller.name, roles: ['_admin'] }
  }
}
