import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The answers that a connection still waits for, the oldest first. A client may send requests before it has read the last answer. */
export type PendingAnswers = (socket: Duplex) => ReadonlySet<ServerResponse>

export function pendingAnswers(server: Server): PendingAnswers {
  const bySocket = new WeakMap<Duplex, Set<ServerResponse>>()
  server.on('request', ({ socket }, response) => {
    const answers = bySocket.get(socket) ?? new Set()
    bySocket.set(socket, answers.add(response))
    response.once('close', () => answers.delete(response))
  })
  return socket => bySocket.get(socket) ?? new Set()
}

/** True if the next bytes on the socket would stand in the middle of an answer. */
export function isWithinAnswer(pending: ReadonlySet<ServerResponse>): boolean {
  const [oldest] = pending
  return oldest?.headersSent ?? false
}
