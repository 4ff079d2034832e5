import { compareSeries, type SeriesResult } from './compare-series.ts'
import { compareServers } from './compare-servers.ts'
import type { Comparison } from './comparison.ts'
import type { Options } from './options.ts'
import { peerOf } from './peer.ts'
import type { Result } from './result/result.ts'
import type { Row } from './rows/row.ts'
import type { Series } from './series/series.ts'
import { killChildServers } from './servers/child-server.ts'
import { divan } from './servers/divan.ts'
import { type Kinds, withServers } from './servers/pair.ts'
import { durabilityOf } from './servers/syncs.ts'

export type ServersResult = {
  readonly peer: string | undefined
  readonly durability: Result['durability']
  readonly rows: readonly Comparison[]
  readonly series: readonly SeriesResult[]
}

/** The rows and the series of ours and of the peer. Interrupted, it leaves neither process nor folder behind. */
export async function benchServers(
  options: Options,
  wanted: { readonly rows: readonly Row[]; readonly series: readonly Series[] },
): Promise<ServersResult> {
  const interruption = new AbortController()
  const interrupted = () => {
    interruption.abort()
    killChildServers()
    process.exit(1)
  }
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted)
  const kinds = {
    ours: divan({ settings: options.settings }),
    peer: options.peer === undefined ? undefined : peerOf(options.peer),
  }
  const progress = { signal: interruption.signal, report: (line: string) => console.error(line) }
  try {
    return {
      peer: kinds.peer?.name,
      durability: await durabilityOfBoth(kinds),
      rows: await compareServers({ ...options, ...kinds, ...progress, rows: wanted.rows }),
      series: await compareSeries({ ...options, ...kinds, ...progress, series: wanted.series }),
    }
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}

async function durabilityOfBoth(kinds: Kinds): Promise<Result['durability']> {
  return await withServers(kinds, async ({ ours, peer }) => ({
    ours: await durabilityOf(ours.target, kinds.ours.promisesSync),
    peer:
      peer === undefined || kinds.peer === undefined
        ? undefined
        : await durabilityOf(peer.target, kinds.peer.promisesSync),
  }))
}
