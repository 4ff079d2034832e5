import { metricsDocId } from '../../../design-docs/doc-id.ts'
import type { Database } from '../../store/store.ts'
import { metricsDoc } from './metrics-doc.ts'
import { NextSamples } from './next-samples.ts'
import { type Sample, shownSample } from './sample.ts'

/** Names of one page: short ones. */
const PAGE_IDS = 1_000

/** Which samples of a session are wanted: those from the first to the last of these moments, both included. */
export type SampleRange = {
  readonly database: Database
  /** By its reference. */
  readonly session: string
  readonly from: number
  readonly to: number
}

/** A document with samples, and the time they are from, once it was read. */
type Chunk = { readonly id: string; first: number; last: number }

/** Whether any samples of this session are stored. */
export function hasSamples(database: Database, session: string): boolean {
  return database.docs({ ...rangeOf(session), withBodies: false, limit: 1 }).length > 0
}

/**
 * The samples in the order of time, some thousand at once, of equal moments in the order of their texts, equal ones once. `turn` is
 * waited for before each document that is read.
 *
 * Who replicates cuts documents as he likes, so all may have samples of all times. Therefore a walk through all of them gathers the earliest samples
 * that were not told yet, as many as fit, and as long as there were more than fit another walk follows. It passes over the documents whose
 * time is known by then, and of those that this server makes each is read twice or three times at most.
 */
export async function* samplesInOrder(
  range: SampleRange,
  turn: () => Promise<void>,
): AsyncGenerator<readonly Sample[]> {
  const chunks = chunksOf(range)
  let told: Sample | undefined
  while (true) {
    const next = new NextSamples(told)
    for (const chunk of chunks) {
      if (chunk.last < (told?.timestamp ?? range.from) || chunk.first > Math.min(range.to, next.limit))
        continue
      await turn()
      readChunk(range, chunk, next)
    }
    const samples = next.take()
    yield samples
    told = samples.at(-1)
    if (next.hasAll || told === undefined) return
    chunks.sort((a, b) => a.first - b.first)
  }
}

function chunksOf({ database, session }: SampleRange): Chunk[] {
  const range = { ...rangeOf(session), withBodies: false, limit: PAGE_IDS }
  const chunks: Chunk[] = []
  for (let page = database.docs(range); page.length > 0; ) {
    for (const { id } of page) chunks.push({ id, first: -Infinity, last: Infinity })
    page = database.docs({ ...range, startKey: page.at(-1)?.id, inclusiveStart: false })
  }
  return chunks
}

/** Of a session whose reference begins with this one and a colon, too: the documents say whose they are. */
function rangeOf(session: string): { readonly startKey: string; readonly endKey: string } {
  return { startKey: metricsDocId(session, ''), endKey: metricsDocId(session, '\u{10ffff}') }
}

function readChunk(range: SampleRange, chunk: Chunk, next: NextSamples): void {
  chunk.first = Infinity
  chunk.last = -Infinity
  for (const members of metricsDoc(range.database, chunk.id, range.session)?.samples ?? []) {
    const timestamp = Number(members.timestamp)
    chunk.first = Math.min(chunk.first, timestamp)
    chunk.last = Math.max(chunk.last, timestamp)
    if (timestamp < range.from || timestamp > range.to || !next.mayTake(timestamp)) continue
    next.add(shownSample(members))
  }
}
