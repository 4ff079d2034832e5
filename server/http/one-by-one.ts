import type { RequestListener, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { PendingAnswers } from './pending-answers.ts'

/** So many requests of one connection may wait before it is not read from. */
const MAX_WAITING = 16
/** What one read brings comes all at once. No client of note sends even a second request before it has an answer. */
const MAX_AT_ONCE = 1000

/**
 * Answers the requests of one connection one after the other, the next one once its predecessor's answer is out. Node hands over all
 * that one read of the socket brings: two hundred documents of 8 MB were in memory before the client had read the first one.
 */
export function oneByOne(pending: PendingAnswers, answer: RequestListener): RequestListener {
  const newest = new WeakMap<Duplex, ServerResponse>()
  return (request, response) => {
    const { socket } = request
    const waiting = pending(socket)
    const before = newest.get(socket)
    newest.set(socket, response)
    if (before === undefined || !waiting.has(before)) {
      answer(request, response)
      return
    }
    if (waiting.size > MAX_AT_ONCE) {
      socket.destroy()
      return
    }
    before.once('close', () => {
      if (!socket.destroyed) answer(request, response)
    })
    if (waiting.size === MAX_WAITING + 1) holdBack(socket, waiting)
  }
}

/** Whatever makes Node read on, it is stopped again until fewer wait. */
function holdBack(socket: Duplex, waiting: ReadonlySet<ServerResponse>): void {
  const pause = () => {
    if (waiting.size > MAX_WAITING) socket.pause()
    else socket.off('resume', pause)
  }
  socket.off('resume', pause).on('resume', pause)
  socket.pause()
  for (const response of waiting)
    response.once('close', () => {
      if (waiting.size <= MAX_WAITING) socket.resume()
    })
}
