/** A call that can be told to come to its end. */
export type OpenCall = { end(): void }

/** The calls that are being answered now, so that a closing server can tell each of them to come to its end. */
export type OpenCalls = {
  add(call: OpenCall): void
  delete(call: OpenCall): void
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
  const calls = new Set<OpenCall>()
  let areClosed = false
  return {
    add: call => calls.add(call),
    delete: call => calls.delete(call),
    close() {
      areClosed = true
      for (const call of [...calls]) call.end()
    },
    get areClosed() {
      return areClosed
    },
    get size() {
      return calls.size
    },
  }
}
