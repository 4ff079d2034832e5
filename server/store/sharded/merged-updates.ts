import { isSequence, sequenceParts } from '../sequences.ts'
import type { DbUpdate, Store, UpdatesPlace } from '../store.ts'

type Updates = Pick<Store, 'dbUpdates' | 'updatesPlace' | 'updatesSequence'>

/**
 * One page of what happened in all files. Those logs share no clock, so their order says nothing: each row's place names how far every file
 * was read, and who goes on there misses none and gets none twice. Each file has its share of a page, so that one with many writers does not keep
 * the others from being told of; of a page with less than a row for each it is left to chance.
 */
export function mergedUpdates(
  shards: readonly Updates[],
  { after, limit }: Parameters<Store['dbUpdates']>[0],
): DbUpdate[] {
  const first = limit < shards.length ? Math.floor(Math.random() * shards.length) : 0
  const place = shards.map((_, at) => after[at] ?? 0)
  const page: DbUpdate[] = []
  for (let turn = 0; turn < shards.length && page.length < limit; turn++) {
    const at = (first + turn) % shards.length
    const share = Math.ceil((limit - page.length) / (shards.length - turn))
    for (const update of shards[at]?.dbUpdates({ after: [place[at] ?? 0], limit: share }) ?? []) {
      place[at] = numberOf(update.place)
      page.push({ ...update, place: [...place] })
    }
  }
  return page
}

/** Between the places of two files, and between a number and its epoch: letters that no number and no epoch has. */
const BETWEEN = 's'
const WITHIN = 'x'

/** A sequence that no file has issued. */
const UNKNOWN = '1-unknown'

/**
 * The wire form of a place in all logs: `<sum>-<n>x<epoch>s<n>x<epoch>…`, a sequence of each file. It has the form of any other sequence,
 * so that whoever reads the number before its dash reads one that rises.
 */
export function mergedSequence(shards: readonly Updates[], place: UpdatesPlace): string {
  const sum = place.reduce((all, n) => all + n, 0)
  const parts = shards.map((shard, at) => shard.updatesSequence([place[at] ?? 0]).replace('-', WITHIN))
  return `${sum}-${parts.join(BETWEEN)}`
}

/**
 * Where a `since` leads: each file's part of it by the epochs of that file. One of a store that is divided otherwise leads to the beginning.
 */
export function mergedPlace(shards: readonly Updates[], since: string): ReturnType<Updates['updatesPlace']> {
  const parts = partsOf(since)
  const isOurs = parts.length === shards.length
  const otherwise = isSequence(since) ? UNKNOWN : since
  const places = shards.map((shard, at) => shard.updatesPlace((isOurs ? parts[at] : undefined) ?? otherwise))
  return {
    place: places.map(({ place }) => numberOf(place)),
    rewound: places.some(({ rewound }) => rewound),
  }
}

function partsOf(since: string): readonly string[] {
  const [, epoch] = sequenceParts(since) ?? []
  return epoch?.split(BETWEEN).map(part => part.replace(WITHIN, '-')) ?? []
}

function numberOf([n = 0]: UpdatesPlace): number {
  return n
}
