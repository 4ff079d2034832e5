/** A signal that aborts with another one, or after a time. To be ended. */
export type TimeLimited = { readonly signal: AbortSignal; end(): void }

/**
 * Not `AbortSignal.any([signal, AbortSignal.timeout(ms)])`: on Node 20 nothing holds the second one, and once it was collected its time
 * never came.
 */
export function timeLimited(signal: AbortSignal, ms: number): TimeLimited {
  const limited = new AbortController()
  const abort = () => limited.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => limited.abort(new DOMException('The time is over.', 'TimeoutError')), ms)
  return {
    signal: limited.signal,
    end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    },
  }
}
