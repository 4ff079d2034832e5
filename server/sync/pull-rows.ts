import type { Entity } from '../../design-docs/entity.ts'
import { READ_TURNS } from '../http/read-turns.ts'
import type { ChangeRow, Database } from '../store/store.ts'
import { rowSpaceOf } from './identity.ts'
import { concernsSender, isKnown, type Puller } from './pull-known.ts'
import { pullRow } from './pull-row.ts'
import { neverLivingVersion, type ShownVersion, shownVersion, WITH_VERSIONS } from './shown-version.ts'

/** Documents of one turn: each is parsed, checked and written. Large ones end a page earlier. */
const PAGE_ROWS = 100
/** Numbers that one read looks at, most of which may be of other types: some milliseconds. */
const STRETCH = 20_000

export type PullQuery = Puller & {
  /** Changes up to this place. */
  readonly upTo: number
  /** Who asks: callers take turns. */
  readonly caller: string
  /** Waits until a page may be read: it is as large as a mebibyte. */
  room?(): Promise<void> | undefined
  readonly signal: AbortSignal
}

/**
 * What a pull brings of one entity, as JSON, a page at a time: all that has changed behind the place of the device and that it does not know.
 * What changes meanwhile moves behind the end and comes with the next pull.
 */
export async function* pulledPages(
  database: Database,
  entity: Entity,
  query: PullQuery,
): AsyncGenerator<readonly string[]> {
  const typed = database.ofType(entity.type)
  for (let after = query.place; after < query.upTo; ) {
    await READ_TURNS.next(query.caller)
    await query.room?.()
    query.signal.throwIfAborted()
    const upTo = Math.min(after + STRETCH, query.upTo)
    const { texts, last } = typed.atOnce(() => readPage(typed, entity, query, { after, upTo }))
    if (texts.length > 0) yield texts
    after = last ?? upTo
  }
}

function readPage(
  database: Database,
  entity: Entity,
  query: PullQuery,
  stretch: { readonly after: number; readonly upTo: number },
): { readonly texts: readonly string[]; readonly last: number | undefined } {
  const reader = { deviceId: query.deviceId, rowSpace: rowSpaceOf(database.name) }
  const rows = database.changes({ ...stretch, limit: PAGE_ROWS, ...WITH_VERSIONS })
  const texts = rows.flatMap(change => {
    const shown = newsFor(database, change, query)
    const row = shown && pullRow(entity, shown, reader)
    return row === undefined ? [] : [JSON.stringify(row)]
  })
  return { texts, last: rows.at(-1)?.n }
}

/** The version to tell, if there is any that the device does not know. */
function newsFor(database: Database, change: ChangeRow, query: PullQuery): ShownVersion | undefined {
  const shown = shownVersion(database, change)
  if (shown !== undefined) return isKnown(database, shown, query) ? undefined : shown
  const buried = neverLivingVersion(change)
  return buried && concernsSender(database, buried, query.deviceId) ? buried : undefined
}

/**
 * Where a page of at most so many documents ends: behind the last one of them. Those that the device knows count, too, so that a page is
 * bounded whatever they are.
 */
export async function endOfPage(
  database: Database,
  types: ReadonlySet<string>,
  { place, upTo, limit, caller }: Pick<PullQuery, 'place' | 'upTo' | 'caller'> & { readonly limit: number },
): Promise<number> {
  let left = limit
  for (let after = place; after < upTo; ) {
    await READ_TURNS.next(caller)
    const rows = database.changes({ after, upTo, limit: 1000 })
    for (const { n, id } of rows) {
      const colon = id.indexOf(':')
      if (types.has(colon < 0 ? id : id.slice(0, colon)) && --left === 0) return n
    }
    after = rows.at(-1)?.n ?? upTo
  }
  return upTo
}
