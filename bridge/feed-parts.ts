import { setImmediate } from 'node:timers/promises'
import { type Change, type ChangesPage, readChanges } from './changes-feed.ts'
import type { CouchClient } from './couch-client.ts'
import { emptyPlan, type Plan, planChange } from './plan.ts'
import { withShownLeaves } from './shown-leaves.ts'
import type { Source } from './source.ts'

/** Changes that are applied together: a page of a feed, or a piece of one that has too many rows. */
export type FeedPart = {
  /** Their bodies are in its rows, and nowhere else any more. */
  readonly plan: Plan
  readonly changes: readonly Pick<Change, 'id' | 'time'>[]
  /** The place after them. */
  readonly cursor: string
  /** How many changes follow. */
  readonly pending: number
  /** How many of these are read already: who stops here reads them once more. */
  readonly read: number
  /** As of its page. */
  readonly rewound: boolean
}

/** The feed of a database, or of some of its documents. */
export type Feed = {
  readonly client: CouchClient
  readonly signal: AbortSignal
  readonly source: Source
  /** How many changes a page may have now. */
  readonly limit: () => number
  readonly docIds?: readonly string[] | undefined
}

/**
 * The most that a part has: a document of samples becomes thousands of rows, each of which repeats what its document
 * says once. A part may be larger by one document, which `MAX_LIST_ROWS` bounds.
 */
const MAX_ROWS = 20_000
const MAX_BYTES = 8 * 1024 * 1024

/** So many rows are written before others have the processor: some ten milliseconds. */
const ROWS_AT_ONCE = 2000

/** The parts of a feed, from one place on. It does not end by itself: what has nothing pending is the last one. */
export async function* feedParts(feed: Feed, from: string | undefined): AsyncGenerator<FeedPart, never> {
  const { client, signal, source, limit, docIds } = feed
  const { database } = source
  for (let since = from; ; ) {
    const page = await readChanges(client, { database, since, limit: limit(), docIds, signal })
    since = page.cursor
    yield* partsOf(feed, page)
  }
}

async function* partsOf(feed: Feed, page: ChangesPage): AsyncGenerator<FeedPart> {
  const { client, signal, source } = feed
  const all = lastOfEach(page.changes)
  let part = emptyPart(source)
  let [left, rested] = [all.length, 0]
  for await (const group of withShownLeaves({ client, signal, database: source.database }, all)) {
    for (const change of group) {
      planChange(part.plan, change)
      part.changes.push({ id: change.id, time: change.time })
      left--
      const { rows, bytes } = sizeOf(part.plan)
      if (left > 0 && (rows >= MAX_ROWS || bytes >= MAX_BYTES)) {
        const { rewound, pending } = page
        yield { ...part, cursor: change.seq, pending: pending + left, read: left, rewound }
        part = emptyPart(source)
        rested = 0
      } else if (rows - rested >= ROWS_AT_ONCE) {
        await setImmediate()
        rested = rows
      }
    }
  }
  yield { ...part, cursor: page.cursor, pending: page.pending, read: 0, rewound: page.rewound }
}

function emptyPart(source: Source): { readonly plan: Plan; readonly changes: Pick<Change, 'id' | 'time'>[] } {
  return { plan: emptyPlan(source), changes: [] }
}

/** Of a document that is there more than once only the last change counts, in its place: a part ends at no other one. */
function lastOfEach(changes: readonly Change[]): readonly Change[] {
  const last = new Map<string, Change>()
  for (const change of changes) {
    last.delete(change.id)
    last.set(change.id, change)
  }
  return [...last.values()]
}

function sizeOf(plan: Plan): { readonly rows: number; readonly bytes: number } {
  let [rows, bytes] = [0, 0]
  for (const table of plan.tables.values()) {
    rows += table.rows.count
    bytes += table.rows.bytes
  }
  return { rows, bytes }
}
