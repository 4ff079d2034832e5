import type { Caller } from '../auth/caller.ts'

/** Names who shares a bound: a user with all of his tokens, an admin, or all that nobody knows. */
export function callerKey(caller: Caller): string {
  if (caller.kind === 'user') return `user ${caller.sub}`
  return caller.kind === 'admin' ? `admin ${caller.name}` : caller.kind
}
