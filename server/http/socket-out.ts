import type { ServerResponse } from 'node:http'
import { CALL_ENDED } from './open-calls.ts'
import type { Out } from './route.ts'

/** A client that has read nothing for so long is gone, or holds our memory on purpose. */
const STALLED_MS = 120_000

/** Where a streamed answer goes: writes wait for the socket, so a slow reader costs one chunk of memory. */
export function socketOut(response: ServerResponse): Out {
  const closed = new AbortController()
  // A client may be gone before its answer begins; then `close` is over, and nobody would ever drain.
  if (response.closed) closed.abort(CALL_ENDED)
  else response.once('close', () => closed.abort(CALL_ENDED))
  return {
    signal: closed.signal,
    write(chunk) {
      if (closed.signal.aborted) return Promise.reject(closed.signal.reason)
      return response.write(chunk) ? undefined : drained(response, closed.signal)
    },
  }
}

function drained(response: ServerResponse, closed: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stalled = setTimeout(() => response.destroy(), STALLED_MS)
    const onClose = () => settle(() => reject(closed.reason))
    const onDrain = () => settle(resolve)
    const settle = (outcome: () => void) => {
      clearTimeout(stalled)
      response.off('drain', onDrain)
      closed.removeEventListener('abort', onClose)
      outcome()
    }
    response.once('drain', onDrain)
    closed.addEventListener('abort', onClose)
  })
}
