import type { WriterClient } from './writer-client.ts'

/** Documents of one command; the writer does fewer of them if there is much to drop. */
const SLICE_DOCS = 100

/** Has revisions purged in slices, in the order of the list, and puts the answers together. */
export async function purgeInSlices(
  writer: WriterClient,
  db: number,
  revs: ReadonlyMap<string, readonly string[]>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const list = [...revs]
  const all = new Map<string, readonly string[]>()
  let next = 0
  while (next < list.length) {
    const slice = new Map(list.slice(next, next + SLICE_DOCS))
    const { purged, done } = await writer.send<'purge'>({ kind: 'purge', db, revs: slice })
    for (const [id, gone] of purged) all.set(id, gone)
    next += done
  }
  return all
}
