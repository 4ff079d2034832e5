import type { ServerResponse } from 'node:http'
import { CALL_ENDED } from './open-calls.ts'
import type { Out } from './route.ts'
import { type AnswerRoom, LIGHT_ANSWER_BYTES } from './unread-answers.ts'

/** A client that has read nothing for so long is gone, or holds our memory on purpose. */
const STALLED_MS = 120_000
/** What is longer is handed on in slices: a slow client that reads on is told from one that does not. */
const SLICE_BYTES = 256 * 1024

/**
 * Where an answer's body goes: writes wait for the socket, so a slow reader costs one chunk of memory, which is counted where chunks
 * are large.
 */
export function socketOut(response: ServerResponse, room: AnswerRoom | undefined): Out {
  const closed = new AbortController()
  // A client may be gone before its answer begins; then `close` is over, and nobody would ever drain.
  if (response.closed) closed.abort(CALL_ENDED)
  else response.once('close', () => closed.abort(CALL_ENDED))
  const { signal } = closed
  return {
    signal,
    write(chunk) {
      if (signal.aborted) return Promise.reject(signal.reason)
      if (chunk.length > LIGHT_ANSWER_BYTES) return writeSlices(response, asBuffer(chunk), { signal, room })
      return response.write(chunk) ? undefined : drained(response, signal)
    },
    hold: bytes => room?.hold(bytes) ?? (() => {}),
    room: () => room?.room(),
  }
}

/** Ends an answer whose body is at most one slice. It needs no room, but its client may not keep it for ever either. */
export function endWith(response: ServerResponse, body: string | Uint8Array | undefined): void {
  response.end(body)
  if (response.writableLength === 0) return
  const stalled = setTimeout(() => response.destroy(), STALLED_MS)
  response.once('close', () => clearTimeout(stalled))
}

type Writing = { readonly signal: AbortSignal; readonly room: AnswerRoom | undefined }

/** Undefined if the socket took all of it at once. */
function writeSlices(
  response: ServerResponse,
  bytes: Buffer,
  { signal, room }: Writing,
): Promise<void> | undefined {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (response.write(bytes.subarray(at, at + SLICE_BYTES))) continue
    const giveBack = room?.hold(bytes.length)
    return writeRest(response, bytes.subarray(at + SLICE_BYTES), signal).finally(giveBack)
  }
  return undefined
}

async function writeRest(response: ServerResponse, bytes: Buffer, signal: AbortSignal): Promise<void> {
  await drained(response, signal)
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (!response.write(bytes.subarray(at, at + SLICE_BYTES))) await drained(response, signal)
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

function asBuffer(chunk: string | Uint8Array): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
}
