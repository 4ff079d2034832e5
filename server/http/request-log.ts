import type { Logger } from 'pino'
import type { Exchange } from './exchange.ts'

/** A document's id may be twenty thousand characters long. */
const MAX_PATH_LENGTH = 512

/**
 * Logs the end of each request at debug, with the number that its answer has. The log never holds headers, a query or a body: tokens and
 * people's documents are in there.
 */
export function logsEnds(log: Logger): (ended: Exchange) => void {
  if (!log.isLevelEnabled('debug')) return () => {}
  return ({ requestId, request, response, method, path, route, caller, begun, bytesBefore }) => {
    const { statusCode: status, writableFinished: isWhole } = response
    const ms = Math.round(performance.now() - begun)
    const bytes = request.socket.bytesWritten - bytesBefore
    const user = caller?.kind === 'user' ? caller.sub : undefined
    const admin = caller?.kind === 'admin' ? caller.name : undefined
    const shown = path.slice(0, MAX_PATH_LENGTH)
    log.debug({ requestId, method, path: shown, route, status, ms, bytes, user, admin, isWhole }, 'request')
  }
}
