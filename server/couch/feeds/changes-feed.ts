import { TextWriter } from '../../http/text-writer.ts'
import { isSequence, timeOf } from '../../store/sequences.ts'
import type { ChangeRow, Database, Place, ChangesQuery as StoreQuery } from '../../store/store.ts'
import { isDesignDocId } from '../content/checked-doc-id.ts'
import { type FoundBytes, findBytes } from '../content/inline-attachments.ts'
import { FIRST_DOCS, MAX_PAGE_ROWS, nextPageRows, textPieces } from '../content/text-rows.ts'
import { rowPieces, rowsAsText, rowText } from './change-row.ts'
import type { FeedRequest } from './changes-query.ts'
import { type FeedFrame, FRAMES } from './feed-frame.ts'
import type { LiveWait } from './live-wait.ts'

/** Rows of one read. Bodies end a page earlier. */
const PAGE_ROWS = 1000
/** So few rows are read without waiting for a turn, in one page or in several: `seq_interval` makes pages of one row. */
const SHORT_ROWS = 100
/** With a smaller `seq_interval` there are too few rows of one kind for a page of text. */
const MIN_TEXT_INTERVAL = 20
/**
 * Numbers that one read looks at, where it may have to pass over all of them because they are of other types: some 4 ms. The changes of a
 * whole database stand closer than that, so for these it means nothing.
 */
export const STRETCH = 20_000
/** So many documents are looked for by their names, wherever they are in the feed. */
const MAX_LOOKED_FOR = 20_000
/** Numbers that one read looks at where more are named: each is looked up among the names, which takes longer than to pass over it. */
const NAMED_STRETCH = 5000

/** What one read looks at: rows beyond `after`, as far as `upTo`. */
type Stretch = Pick<StoreQuery, 'after' | 'upTo'>

/**
 * Writes one changes feed from its first byte to its last. Between pages the store is free and other clients have their turn; while
 * it waits it holds what `LiveWait` holds, and no row.
 */
export class ChangesFeed {
  readonly #database: Database
  readonly #request: FeedRequest
  readonly #frame: FeedFrame
  readonly #turn: () => Promise<void>
  readonly #place: Place
  /** The last place that was looked at; what the client is told as `last_seq`. */
  #at: number
  /** Backwards: only rows below it are left. */
  #below: number
  #found: FoundBytes = new Map()
  #written = 0
  readonly #isTextual: boolean
  #pageRows: number

  /** `turn` resolves when it is this feed's turn to read a page. */
  constructor(database: Database, request: FeedRequest, turn: () => Promise<void>) {
    this.#database = database
    this.#turn = turn
    this.#request = request
    this.#frame = FRAMES[request.feed]
    this.#place = database.place(request.since)
    this.#at = this.#place.n
    this.#below = this.#firstBelow()
    this.#isTextual = isTextual(request, this.#frame)
    this.#pageRows = request.includeDocs ? FIRST_DOCS : MAX_PAGE_ROWS
  }

  /** True if the client has seen changes that this database, as it is now, never issued: it went back in time, or was made anew. */
  get isAhead(): boolean {
    return this.#place.rewound && isSequence(this.#request.since)
  }

  /** Rows that are there, then the end. Returns the place it ends at, if all there is was written. */
  async writeNormal(wait: LiveWait): Promise<number | undefined> {
    const writer = new TextWriter(wait.out)
    await writer.add(this.#frame.head)
    await this.#writePages(writer, wait)
    await this.#finish(writer)
    return this.#left > 0 && !wait.hasEnded() ? this.#at : undefined
  }

  /** Rows that are there; if there are none, the first ones that come. Who asks for now is answered at once: with now, or `now` if that is lower. */
  async writeLongpoll(wait: LiveWait, now = Number.POSITIVE_INFINITY): Promise<void> {
    const writer = new TextWriter(wait.out)
    await writer.add(this.#frame.head)
    // Whoever asks from now on asks for the place to go on from: RxDB asks for it until it is told, and changes that came
    // while such a request waited were lost to it.
    if (this.#request.since === 'now') {
      this.#at = Math.min(this.#at, now)
    } else {
      do await this.#writePages(writer, wait)
      while (this.#written === 0 && this.#request.limit > 0 && (await this.#changed(writer, wait)))
    }
    await this.#finish(writer)
  }

  /** Rows that are there and all that come, until the limit, the timeout or the end. */
  async writeContinuous(wait: LiveWait): Promise<void> {
    const writer = new TextWriter(wait.out)
    // Even nothing: the client learns by it that the feed is open, rows or no rows.
    await wait.out.write(this.#frame.head)
    do await this.#writePages(writer, wait)
    while (this.#left > 0 && !this.#request.descending && (await this.#changed(writer, wait)))
    await this.#finish(writer)
  }

  get #left(): number {
    return this.#request.limit - this.#written
  }

  async #changed(writer: TextWriter, wait: LiveWait): Promise<boolean> {
    await writer.flush()
    return (await wait.next()) === 'change'
  }

  async #writePages(writer: TextWriter, wait: LiveWait): Promise<void> {
    let sinceTurn = this.#isShort() ? 0 : SHORT_ROWS
    while (this.#left > 0 && !wait.hasEnded()) {
      if (sinceTurn >= SHORT_ROWS) {
        await this.#turn()
        sinceTurn = 0
      }
      const room = this.#request.includeDocs ? wait.out.room?.() : undefined
      if (room !== undefined) await room
      // Before the page: a commit between the two reads may only make this number too low.
      const { updateSeq } = this.#database.facts()
      const stretch = this.#stretch(updateSeq)
      const { rows, isEnd } = this.#isTextual
        ? await this.#writeText(writer, this.#knownPart(stretch, updateSeq), wait)
        : await this.#writeRows(writer, stretch, wait)
      if (isEnd) this.#passOver(stretch, updateSeq)
      if (this.#hasSeen(updateSeq)) return
      sinceTurn += this.#isTextual && !isEnd ? rows : SHORT_ROWS
    }
  }

  /** What is left takes no longer than any other request. */
  #isShort(): boolean {
    return this.#left <= SHORT_ROWS || this.#database.facts().updateSeq - this.#at <= SHORT_ROWS
  }

  /** A page as text. */
  async #writeText(writer: TextWriter, stretch: Stretch, wait: LiveWait): Promise<WrittenPage> {
    const { withSeq, limit } = this.#run()
    const page = this.#database.changesText(
      this.#query(stretch, limit),
      rowsAsText(this.#request, { withSeq, frame: this.#frame }),
    )
    // One row says little of how large the others are.
    if (page.rows > 1) this.#pageRows = nextPageRows(page)
    let gone = 0
    let isFirst = this.#written === 0
    // Each row begins with what stands between two.
    const separator = this.#frame.before(false).length - this.#frame.before(true).length
    for (const piece of textPieces(page)) {
      if ('odd' in piece) {
        const row = this.#oddRow(piece.odd)
        if (row === undefined) {
          gone++
          continue
        }
        await this.#writeRow(writer, row, { isFirst, withSeq, wait })
      } else await writer.add(isFirst ? piece.subarray(separator) : piece)
      isFirst = false
    }
    // Were one that is gone counted, the first row that is there would begin as a later one does.
    this.#written += page.rows - gone
    if (page.last !== undefined) this.#moveTo(page.last)
    return { rows: page.rows, isEnd: page.rows < limit }
  }

  /** A row whose text the engine left out. Undefined if it has changed since: then it comes again, further on. */
  #oddRow(n: number): ChangeRow | undefined {
    return this.#database.changes({ ...this.#query({ after: n - 1, upTo: n }, 1), descending: false })[0]
  }

  /** Sequences of what comes later may be of an epoch that is not known yet. */
  #knownPart({ after, upTo }: Stretch, updateSeq: number): Stretch {
    return { after, upTo: this.#request.descending ? upTo : Math.min(upTo ?? updateSeq, updateSeq) }
  }

  /** Rows until the next one that `seq_interval` treats otherwise. */
  #run(): { readonly withSeq: boolean; readonly limit: number } {
    const { seqInterval } = this.#request
    const withSeq = this.#hasSeq()
    if (seqInterval === 1) return { withSeq, limit: Math.min(this.#left, this.#pageRows) }
    const rest = Math.min(seqInterval - (this.#written % seqInterval), this.#left - 1, this.#pageRows)
    return { withSeq, limit: withSeq ? 1 : rest }
  }

  async #writeRows(writer: TextWriter, stretch: Stretch, wait: LiveWait): Promise<WrittenPage> {
    const rows = this.#page(stretch)
    for (const row of rows) {
      if (this.#isWanted(row)) {
        const written = this.#writeRow(writer, row, {
          isFirst: this.#written === 0,
          withSeq: this.#hasSeq(),
          wait,
        })
        this.#written++
        if (written !== undefined) await written
      }
      this.#moveTo(row.n)
    }
    // Bodies end a page early.
    return { rows: rows.length, isEnd: rows.length === 0 }
  }

  #moveTo(n: number): void {
    this.#at = n
    this.#below = n
  }

  /** A few named documents are looked for one by one, so their number is bound enough. */
  #stretch(updateSeq: number): Stretch {
    const { descending, filter } = this.#request
    const after = descending ? this.#below : this.#at
    const named = filter.kind === 'ids' ? filter.ids.size : 0
    if (filter.kind === 'ids' && named <= MAX_LOOKED_FOR) return { after }
    const length = named > 0 ? NAMED_STRETCH : STRETCH
    return { after, upTo: descending ? Math.min(after, updateSeq + 1) - length : after + length }
  }

  /** What a filter passed over, or is of another type, need not be looked at again. */
  #passOver({ upTo }: Stretch, updateSeq: number): void {
    this.#below = upTo ?? 0
    if (!this.#request.descending) this.#at = Math.max(this.#at, Math.min(upTo ?? updateSeq, updateSeq))
  }

  #hasSeen(updateSeq: number): boolean {
    return this.#request.descending ? this.#below <= 1 : this.#at >= updateSeq
  }

  /** Reads a page, and with it where its attachments are: a slow client comes to them when their revisions may be gone. */
  #page(stretch: Stretch): ChangeRow[] {
    return this.#database.atOnce(() => {
      const rows = this.#readRows(stretch)
      if (this.#request.attachments)
        this.#found = findBytes(
          this.#database,
          rows.map(({ revision }) => revision),
        )
      return rows
    })
  }

  #readRows(stretch: Stretch): ChangeRow[] {
    return this.#database.changes(this.#query(stretch, Math.min(this.#left, PAGE_ROWS)))
  }

  #query(stretch: Stretch, limit: number): StoreQuery {
    const { descending, includeDocs, lastLive, filter } = this.#request
    return {
      ...stretch,
      limit,
      descending,
      withBodies: includeDocs,
      withLastLive: lastLive,
      ids: filter.kind === 'ids' ? filter.ids : undefined,
    }
  }

  /** A feed backwards begins at its `since`, and without one, or with one that nobody issued, at the newest change. */
  #firstBelow(): number {
    const isFromEnd = this.#place.n === 0 && timeOf(this.#request.since) === undefined
    return isFromEnd ? Number.POSITIVE_INFINITY : this.#place.n + 1
  }

  #isWanted(row: ChangeRow): boolean {
    return this.#request.filter.kind !== 'design' || isDesignDocId(row.id)
  }

  #writeRow(
    writer: TextWriter,
    row: ChangeRow,
    { isFirst, withSeq, wait }: RowPlace,
  ): Promise<void> | undefined {
    const seq = withSeq ? `"${this.#database.sequence(row.n)}"` : 'null'
    const before = this.#frame.before(isFirst)
    if (this.#request.attachments && row.revision?.attachments !== undefined)
      return wait.withoutHeartbeats(() => this.#writePieces(writer, row, { seq, before }))
    return writer.add(`${before}${rowText(row, seq, this.#request)}${this.#frame.after(seq)}`)
  }

  async #writePieces(
    writer: TextWriter,
    row: ChangeRow,
    { seq, before }: { readonly seq: string; readonly before: string },
  ): Promise<void> {
    const pieces = rowPieces(this.#found, row, seq, this.#request)
    await writer.add(before)
    await writer.addAll(pieces)
    await writer.add(this.#frame.after(seq))
    // What is left of this row must be out before the next heartbeat.
    await writer.flush()
  }

  /** With `seq_interval` only the first of so many rows carries its seq, and the one that reaches the limit. */
  #hasSeq(): boolean {
    return this.#written % this.#request.seqInterval === 0 || this.#left <= 1
  }

  async #finish(writer: TextWriter): Promise<void> {
    const { descending } = this.#request
    const end = {
      lastSeq: this.#database.sequence(this.#at),
      pending: this.#database.pending(this.#at, descending),
      rewound: this.#place.rewound,
    }
    await writer.add(this.#frame.tail(end))
    await writer.flush()
  }
}

/** `isEnd`: the stretch has no more. */
type WrittenPage = { readonly rows: number; readonly isEnd: boolean }

type RowPlace = { readonly isFirst: boolean; readonly withSeq: boolean; readonly wait: LiveWait }

/** True for a feed whose rows the engine can put together: all of one form, with nothing that has to be read besides. */
function isTextual({ attachments, filter, seqInterval }: FeedRequest, { behind }: FeedFrame): boolean {
  const isOfOneForm = seqInterval === 1 || seqInterval >= MIN_TEXT_INTERVAL
  return behind !== undefined && !attachments && filter.kind !== 'design' && isOfOneForm
}
