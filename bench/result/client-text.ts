import type { Comparison } from '../comparison.ts'

/** How near the client came to being what was measured: the row in which it took most of a core. Nothing if no row is timed. */
export function clientText(rows: readonly Comparison[]): string[] {
  const shares = rows.flatMap(({ row, ours, peer }) =>
    [...ours, ...peer].map(({ clientShare = 0 }) => ({ title: row.title, share: clientShare })),
  )
  const [most] = shares.sort((a, b) => b.share - a.share)
  if (most === undefined || most.share === 0) return []
  return [`the client took at most ${Math.round(100 * most.share)} % of a core (${most.title})`]
}
