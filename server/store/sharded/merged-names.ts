import type { NameRange, Store } from '../store.ts'

/** As many as the list of one file has at most. */
const PAGE_NAMES = 10_000
/** Names that are read of one file at once. */
const MAX_SHARE = 1000

type Names = Pick<Store, 'databaseNames'>

/** The names of all files, in byte order, as if they were those of one. */
export function mergedNames(shards: readonly Names[], range: NameRange): string[] {
  const limit = Math.min(range.limit, PAGE_NAMES)
  const skip = range.skip ?? 0
  const share = shareOf(skip + limit, shards.length)
  const lists = shards.map(shard => new NameList(shard, range, share))
  const names: string[] = []
  for (let passed = 0; names.length < limit; passed++) {
    const list = nextOf(lists, range.descending === true)
    if (list === undefined) break
    const name = list.take()
    if (passed >= skip) names.push(name)
  }
  return names
}

/** Users are spread evenly, so a little more than an even share is mostly all that is needed of one file. */
function shareOf(wanted: number, shards: number): number {
  return Math.min(Math.ceil((wanted / shards) * 1.2) + 4, MAX_SHARE)
}

/** The list whose next name comes first. Undefined: all are at their end. */
function nextOf(lists: readonly NameList[], descending: boolean): NameList | undefined {
  let first: { readonly list: NameList; readonly bytes: Buffer } | undefined
  for (const list of lists) {
    const bytes = list.peek()
    if (bytes === undefined) continue
    const order = first === undefined ? -1 : Buffer.compare(bytes, first.bytes)
    if (first === undefined || (descending ? order > 0 : order < 0)) first = { list, bytes }
  }
  return first?.list
}

type Name = { readonly name: string; readonly bytes: Buffer }

/** The names of one file, read as they are asked for. */
class NameList {
  readonly #shard: Names
  readonly #share: number
  #range: NameRange
  #page: readonly Name[] = []
  #at = 0
  #isEnd = false

  constructor(shard: Names, range: NameRange, share: number) {
    this.#shard = shard
    this.#share = share
    this.#range = { ...range, skip: 0, limit: share }
  }

  /** The next name as bytes: texts compare by UTF-16, which is another order. */
  peek(): Buffer | undefined {
    if (this.#at === this.#page.length && !this.#isEnd) this.#read()
    return this.#page[this.#at]?.bytes
  }

  take(): string {
    return this.#page[this.#at++]?.name ?? ''
  }

  #read(): void {
    const names = this.#shard.databaseNames(this.#range)
    this.#page = names.map(name => ({ name, bytes: Buffer.from(name) }))
    this.#at = 0
    this.#isEnd = names.length < this.#share
    this.#range = { ...this.#range, startKey: names.at(-1), inclusiveStart: false }
  }
}
