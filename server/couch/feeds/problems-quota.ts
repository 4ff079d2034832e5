import { CouchError } from '../../couch-error.ts'

/** A page that was loaded again a few times has its answer; one in a loop is told to wait. */
const AT_ONCE = 4

/** Counts how many answers about problems each caller is being given, and refuses one too many. */
export class ProblemsQuota {
  readonly #open = new Map<string, number>()

  /** Counts one more; call `leave` when it is at its end. Throws `too_many_requests`. */
  enter(caller: string): void {
    const open = this.#open.get(caller) ?? 0
    if (open >= AT_ONCE) throw tooMany()
    this.#open.set(caller, open + 1)
  }

  leave(caller: string): void {
    const open = (this.#open.get(caller) ?? 1) - 1
    if (open === 0) this.#open.delete(caller)
    else this.#open.set(caller, open)
  }
}

function tooMany(): CouchError {
  return new CouchError(
    'too_many_requests',
    `Problems are being looked for ${AT_ONCE} times for you: ask again when one answer is there.`,
    { headers: { 'Retry-After': '5' } },
  )
}
