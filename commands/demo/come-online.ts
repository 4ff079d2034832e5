import { metricsDbName } from '../../design-docs/user-db.ts'
import { messageOf, OperatorError } from '../operator-error.ts'
import type { DemoParts } from './demo-parts.ts'
import { type RowCounts, rowsOfDocs, totalRows } from './expected-rows.ts'
import { allRows, hasRows, type MirrorView, rowsAfter, type Summary } from './mirror-view.ts'
import { openRemote, pull, push } from './phone.ts'
import { type Screen, timeText } from './screen.ts'

/** The network is back: the phone replicates, and the rows arrive. Tells whether all of them did. */
export async function comeOnline(parts: DemoParts): Promise<boolean> {
  const { screen, target, mirror } = parts
  screen.heading(`The phone comes online: ${target.url}/me`)
  const before = await mirror?.summary()
  const pushed = await replicate(parts).catch((cause: unknown) => {
    throw new OperatorError(`replication stopped: ${messageOf(cause)}`, { cause })
  })
  if (mirror === undefined || before === undefined) return true
  const added = rowsOfDocs(docsOf(parts, pushed))
  return await showArrival({ mirror, screen, before, added })
}

/** Gives the ids of the documents that the server did not have. */
async function replicate({ phone, target, screen }: DemoParts): Promise<readonly string[]> {
  const remote = openRemote(`${target.url}/me`, target.token)
  const startedAt = performance.now()
  const main = await push(phone.local, remote, (done, all) =>
    screen.progress(`${done} of ${all} documents`, done, all),
  )
  screen.done(pushedText(main.ids.length, 'documents'), performance.now() - startedAt)
  const metricsAt = performance.now()
  const metrics = await push(
    phone.metrics,
    openRemote(`${target.url}/${metricsDbName(target.user)}`, target.token),
  )
  screen.done(pushedText(metrics.ids.length, 'chunks of sensor samples'), performance.now() - metricsAt)
  await pull(phone.local, remote)
  return [...main.ids, ...metrics.ids]
}

function pushedText(count: number, what: string): string {
  return count === 0 ? `the server has all ${what} already` : `pushed ${count} ${what}`
}

function docsOf({ history }: DemoParts, ids: readonly string[]) {
  const pushed = new Set(ids)
  return [...history.docs, ...history.metricsDocs].filter(doc => pushed.has(doc._id))
}

type Showing = {
  readonly mirror: MirrorView
  readonly screen: Screen
  readonly before: Summary
  readonly added: RowCounts
}

async function showArrival({ mirror, screen, before, added }: Showing): Promise<boolean> {
  const all = totalRows(added)
  const wanted = rowsAfter(before, added)
  const came = (summary: Summary) => allRows(summary) - allRows(before)
  const arrival = await mirror.waitUntil(
    summary => hasRows(summary, wanted),
    summary => screen.progress(`${came(summary)} of ${all} rows in Postgres`, came(summary), all),
  )
  if (arrival.hasArrived)
    screen.done(all === 0 ? 'Postgres has every row' : arrivedText(all, arrival.ms), undefined)
  else
    screen.failed(
      `only ${came(await mirror.summary())} of ${all} rows came; is the bridge running? See npx divan dead-letters`,
    )
  return arrival.hasArrived
}

function arrivedText(rows: number, ms: number): string {
  return `${rows} rows in Postgres, the last one ${timeText(ms)} after the last push`
}
