import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { isWithinAnswer, type PendingAnswers } from './pending-answers.ts'

/** How long the answer may take to a client that has ended its side. */
const GRACE_MS = 30_000

/**
 * A client may end its side of the connection after its request and still wait for the answer. From here that looks like one who is gone
 * for good, and a feed to nobody must end: so what has begun already is cut, and what has not gets a little time.
 */
export function answerHalfClosed(server: Server, pending: PendingAnswers): void {
  // Node's own switch for it, old and in no manual: without it the answer is thrown away.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('connection', (socket: Socket) => {
    socket.once('end', () => {
      if (isWithinAnswer(pending(socket))) socket.destroy()
      else cutLater(socket)
    })
  })
}

function cutLater(socket: Socket): void {
  const cut = setTimeout(() => socket.destroy(), GRACE_MS)
  socket.once('close', () => clearTimeout(cut))
}
