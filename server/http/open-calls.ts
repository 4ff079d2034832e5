import type { ServerResponse } from 'node:http'

/** The calls that are being answered now, so that a closing server can tell each of them to come to its end. */
export type OpenCalls = {
  /** A signal that aborts when the client is gone, the answer has been sent, or the server closes. */
  open(response: ServerResponse): AbortSignal
  /** From now on calls are refused. Live feeds write their last line and end. */
  close(): void
  readonly areClosed: boolean
  readonly size: number
}

/** Why a call's signals abort. One for all: making an exception with its stack for each request is felt. */
export const CALL_ENDED = new DOMException('The call has ended.', 'AbortError')

/**
 * A set, and not one signal that all calls listen to: an `AbortSignal` walks a list to remove a listener, which ten
 * thousand waiting feeds would feel.
 */
export function createOpenCalls(): OpenCalls {
  const calls = new Set<AbortController>()
  let areClosed = false
  return {
    open(response) {
      const call = new AbortController()
      calls.add(call)
      response.once('close', () => {
        calls.delete(call)
        call.abort(CALL_ENDED)
      })
      return call.signal
    },
    close() {
      areClosed = true
      for (const call of [...calls]) call.abort(CALL_ENDED)
    },
    get areClosed() {
      return areClosed
    },
    get size() {
      return calls.size
    },
  }
}
