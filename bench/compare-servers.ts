import { type Comparison, ratios } from './comparison.ts'
import { median } from './measured.ts'
import { textOf } from './result/server-table.ts'
import type { Row, Sample, Size } from './rows/row.ts'
import { runClient, runRow } from './run-client.ts'
import type { MeasuredServer } from './servers/measured-server.ts'
import { type Kinds, type Pair, withServers } from './servers/pair.ts'

export type Plan = Kinds & {
  readonly rows: readonly Row[]
  readonly size: Size
  readonly repeats: number
  readonly signal: AbortSignal
  report(line: string): void
}

type Collected = { readonly row: Row; readonly ours: Sample[]; readonly peer: Sample[] }

/**
 * Every row for both servers, again and again. Each repeat has fresh processes with empty folders; within it a row of one
 * server is followed by the same row of the other, and who begins changes: what the machine does besides meets both.
 */
export async function compareServers(plan: Plan): Promise<Comparison[]> {
  const all: Collected[] = plan.rows.map(row => ({ row, ours: [], peer: [] }))
  for (let repeat = 0; repeat < plan.repeats; repeat++) {
    const wanted = all.filter(({ row }) => row.once !== true || repeat === 0)
    const shared = wanted.filter(({ row }) => row.fresh !== true && row.prepare === undefined)
    for (const group of [shared, ...groupsWithServersOfTheirOwn(wanted)])
      if (group.length > 0)
        await withServers(plan, async pair => {
          for (const collected of group) await measurePair(plan, { repeat, pair, collected })
        })
  }
  return all
}

/** A fresh row is alone; rows that start a server again share one, and what they prepared. */
function groupsWithServersOfTheirOwn(wanted: readonly Collected[]): Collected[][] {
  const fresh = wanted.filter(({ row }) => row.fresh === true).map(collected => [collected])
  return [...fresh, wanted.filter(({ row }) => row.fresh !== true && row.prepare !== undefined)]
}

type Turn = { readonly repeat: number; readonly pair: Pair; readonly collected: Collected }

async function measurePair(plan: Plan, { repeat, pair, collected }: Turn): Promise<void> {
  const sides = [
    { server: pair.ours, samples: collected.ours },
    ...(pair.peer === undefined ? [] : [{ server: pair.peer, samples: collected.peer }]),
  ]
  for (const { server, samples } of repeat % 2 === 0 ? sides : sides.reverse()) {
    const sample = await measureOnce(plan, collected.row, server)
    if (sample !== undefined) samples.push(sample)
  }
  plan.report(`${repeat + 1}/${plan.repeats} ${lineOf(collected)}`)
}

/** Undefined if the row needs a server that can be started again, and this one cannot. */
async function measureOnce(
  { size, signal, report }: Plan,
  { key, prepare }: Row,
  server: MeasuredServer,
): Promise<Sample | undefined> {
  if (prepare === undefined)
    return await runRow({ key, step: 'measure', target: server.target, size }, signal)
  if (server.restart === undefined) return undefined
  report(`${key}: what has to be there before ${server.target.name} starts`)
  await runClient({ key, step: 'prepare', target: server.target, size }, signal)
  const target = await server.restart()
  return await runRow({ key, step: 'measure', target, size }, signal)
}

function lineOf({ row, ours, peer }: Collected): string {
  const [our, other] = [ours.at(-1)?.value, peer.at(-1)?.value]
  const beside = other === undefined ? '' : `, peer ${textOf(other)}`
  const all = ratios({ row, ours, peer })
  const ratio = all.length === 0 ? '' : `: ${textOf(median(all))} times`
  return `${row.key}: ${textOf(our)}${beside} ${row.unit}${ratio}`
}
