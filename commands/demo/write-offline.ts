import type { DemoParts } from './demo-parts.ts'
import { writeDocs } from './phone.ts'

/** How the kinds of documents are called when there are several, the most telling first. */
const KINDS: readonly (readonly [type: string, one: string, several: string])[] = [
  ['session', 'session', 'sessions'],
  ['phaseStat', 'phase statistic', 'phase statistics'],
  ['record', 'record', 'records'],
  ['badge', 'badge', 'badges'],
  ['routine', 'routine', 'routines'],
  ['superset', 'superset', 'supersets'],
  ['routineExercise', 'routine exercise', 'routine exercises'],
]

/** The phone is in a basement: it writes its history where it is, into its own database. */
export async function writeOffline({ phone, history, target, screen }: DemoParts): Promise<void> {
  screen.heading(`A phone of user ${target.user}, offline`)
  const startedAt = performance.now()
  await writeDocs(phone.local, history.docs)
  await writeDocs(phone.metrics, history.metricsDocs)
  const docs = history.docs.length + history.metricsDocs.length
  screen.done(
    `wrote a year of training into its own database: ${docs} documents`,
    performance.now() - startedAt,
  )
  screen.detail(countsText(history.docs))
}

function countsText(docs: readonly { readonly type: string }[]): string {
  return KINDS.map(([type, one, several]) => {
    const count = docs.filter(doc => doc.type === type).length
    return `${count} ${count === 1 ? one : several}`
  }).join(', ')
}
