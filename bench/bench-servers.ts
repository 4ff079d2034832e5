import { compareServers } from './compare-servers.ts'
import type { Comparison } from './comparison.ts'
import { peerOf } from './peer.ts'
import type { Row, Size } from './rows/row.ts'
import { killChildServers } from './servers/child-server.ts'
import { divan } from './servers/divan.ts'

export type ServersWork = {
  readonly peer: string | undefined
  readonly rows: readonly Row[]
  readonly size: Size
  readonly settings: Readonly<Record<string, string>>
  readonly repeats: number
}

/** The rows of ours and of the peer. Interrupted, it leaves neither process nor folder behind. */
export async function benchServers(work: ServersWork): Promise<Comparison[]> {
  const interruption = new AbortController()
  const interrupted = () => {
    interruption.abort()
    killChildServers()
    process.exit(1)
  }
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted)
  try {
    return await compareServers({
      ...work,
      ours: divan({ settings: work.settings }),
      peer: work.peer === undefined ? undefined : peerOf(work.peer),
      signal: interruption.signal,
      report: line => console.error(line),
    })
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}
