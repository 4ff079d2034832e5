import { textOf } from './result/server-table.ts'
import type { Size } from './rows/row.ts'
import { runPoint, runRow } from './run-client.ts'
import type { Series } from './series/series.ts'
import type { MeasuredServer } from './servers/measured-server.ts'
import { type Kinds, withServers } from './servers/pair.ts'

/** What was measured at one amount, a value for each line. */
export type Point = { readonly amount: number; readonly values: readonly number[] }

/** A series for both servers. The peer's may end sooner. */
export type SeriesResult = {
  readonly key: string
  readonly ours: readonly Point[]
  readonly peer: readonly Point[]
  /** Why one of them ended before the last amount. */
  readonly ended: readonly string[]
}

export type SeriesPlan = Kinds & {
  readonly series: readonly Series[]
  readonly form: keyof Series['amounts']
  readonly size: Size
  readonly signal: AbortSignal
  report(line: string): void
}

/** Every series, on servers of its own. */
export async function compareSeries(plan: SeriesPlan): Promise<SeriesResult[]> {
  const results: SeriesResult[] = []
  for (const series of plan.series)
    results.push(
      await withServers(plan, async ({ ours, peer }) => {
        const ended: string[] = []
        for (const server of [ours, peer]) if (server !== undefined) await warmUp(plan, server)
        const points = async (server: MeasuredServer | undefined) =>
          server === undefined ? [] : await pointsOf(plan, { series, server, ended })
        return { key: series.key, ours: await points(ours), peer: await points(peer), ended }
      }),
    )
  return results
}

/** Code that was never run is compiled while it is measured: the least amount would cost the most. */
const WARM_UP_ROWS = ['bulk-docs', 'all-docs', 'put-16', 'get-16', 'make-database']
const WARM_UP_DOCUMENTS = 1000

async function warmUp({ size, signal }: SeriesPlan, { target }: MeasuredServer): Promise<void> {
  const little = { ...size, documents: Math.min(size.documents, WARM_UP_DOCUMENTS) }
  for (const key of WARM_UP_ROWS) await runRow({ key, step: 'measure', target, size: little }, signal)
}

type Turn = { readonly series: Series; readonly server: MeasuredServer; readonly ended: string[] }

async function pointsOf(plan: SeriesPlan, { series, server, ended }: Turn): Promise<Point[]> {
  const { target } = server
  const most = series.most?.(target) ?? Number.POSITIVE_INFINITY
  const points: Point[] = []
  for (const amount of series.amounts[plan.form]) {
    const at = `${target.name}, ${amount.toLocaleString('en')} ${series.of}`
    if (amount > most) {
      ended.push(`${at}: more than it is asked for`)
      break
    }
    try {
      const values = await runPoint(
        { key: series.key, step: 'point', target, amount, size: plan.size },
        plan.signal,
      )
      points.push({ amount, values })
      const texts = series.lines.map(({ name, unit }, place) =>
        `${name} ${textOf(values[place])} ${unit}`.trim(),
      )
      plan.report(`${series.key}: ${at}: ${texts.join(', ')}`)
    } catch (error) {
      plan.signal.throwIfAborted()
      const [reason] = (error instanceof Error ? error.message : String(error)).split('\n')
      ended.push(`${at}: ${reason}`)
      plan.report(`${series.key}: ${at}: ${reason}`)
      break
    }
  }
  return points
}
