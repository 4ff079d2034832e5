import { type Comparison, ratios } from './comparison.ts'
import { measureRow } from './measure-row.ts'
import { median } from './measured.ts'
import type { Row, Sample, Size } from './rows/row.ts'
import type { MeasuredServer, ServerKind } from './servers/measured-server.ts'

export type Plan = {
  readonly ours: ServerKind
  readonly peer: ServerKind | undefined
  readonly rows: readonly Row[]
  readonly size: Size
  readonly repeats: number
  readonly signal: AbortSignal
  report(line: string): void
}

/**
 * Every row for both servers, again and again. Each repeat has fresh processes with empty folders; within it a row of one
 * server is followed by the same row of the other, and who begins changes: what the machine does besides meets both.
 */
export async function compareServers(plan: Plan): Promise<Comparison[]> {
  const comparisons = plan.rows.map(row => ({ row, ours: [] as Sample[], peer: [] as Sample[] }))
  for (let repeat = 0; repeat < plan.repeats; repeat++) {
    const ours = await plan.ours.start()
    const peer = await plan.peer?.start()
    try {
      for (const comparison of comparisons) await measurePair(plan, comparison, { repeat, ours, peer })
    } finally {
      await ours.close()
      await peer?.close()
    }
  }
  return comparisons
}

type Both = {
  readonly repeat: number
  readonly ours: MeasuredServer
  readonly peer: MeasuredServer | undefined
}

async function measurePair(
  { size, signal, repeats, report }: Plan,
  { row, ours, peer }: { readonly row: Row; readonly ours: Sample[]; readonly peer: Sample[] },
  both: Both,
): Promise<void> {
  const measured = [
    { server: both.ours, samples: ours },
    ...(both.peer === undefined ? [] : [{ server: both.peer, samples: peer }]),
  ]
  for (const { server, samples } of both.repeat % 2 === 0 ? measured : measured.reverse())
    samples.push(await measureRow({ key: row.key, target: server.target, size }, signal))
  const [our, other] = [ours.at(-1)?.value, peer.at(-1)?.value]
  const beside = other === undefined ? '' : `, peer ${Math.round(other).toLocaleString('en')}`
  const ratio = other === undefined ? '' : `: ${median(ratios({ row, ours, peer })).toFixed(1)} times`
  report(
    `${both.repeat + 1}/${repeats} ${row.key}: ${Math.round(our ?? 0).toLocaleString('en')}${beside} ${row.unit}${ratio}`,
  )
}
