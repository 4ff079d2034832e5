import { z } from 'zod'
import type { Answer, Call, Out, Route } from '../../http/route.ts'
import { isSequence } from '../../store/sequences.ts'
import type { DbUpdate, Store, UpdatesPlace } from '../../store/store.ts'
import type { CouchContext } from '../couch-context.ts'
import { changesQuery, timeoutOf } from './changes-query.ts'
import { expiryOf, LIVE_HEADERS, type LiveWait, startLiveWait } from './live-wait.ts'

/** Rows of one read. */
const PAGE_SIZE = 500

const feedQuery = changesQuery.pick({ since: true, limit: true, heartbeat: true, timeout: true }).extend({
  feed: z.enum(['normal', 'longpoll', 'continuous']).default('normal'),
})
type FeedQuery = z.infer<typeof feedQuery>

/** The databases that changed, each once, at its last change. The bridge lives on it. */
export function dbUpdatesRoutes({ store }: CouchContext): readonly Route[] {
  const route: Route<FeedQuery> = {
    method: 'GET',
    path: '/_db_updates',
    access: 'admin',
    query: feedQuery,
    handle: call => dbUpdates(store, call),
  }
  return [route]
}

async function dbUpdates(store: Store, call: Call<FeedQuery>): Promise<Answer> {
  const { query, signal, caller } = call
  const since = query.since ?? '0'
  const { place, rewound } = store.updatesPlace(since)
  // Who follows all databases has seen more than there is: the whole store went back in time.
  if (rewound && isSequence(since)) await store.forgetReplicationLogs()
  return {
    headers: LIVE_HEADERS,
    async write(out) {
      const wait = startLiveWait({
        subscribe: listener => store.onDbUpdate(listener),
        out,
        heartbeatMs: query.heartbeat,
        timeoutMs: timeoutOf(query),
        signal,
        expiresAt: expiryOf(caller),
      })
      try {
        const feed = new UpdatesFeed(store, wait, { place, left: query.limit ?? Number.POSITIVE_INFINITY })
        await (query.feed === 'continuous' ? feed.writeLines() : feed.writeResults(query.feed, rewound))
      } finally {
        wait.close()
      }
    },
  }
}

/** One request's way through the update log. */
class UpdatesFeed {
  readonly #store: Store
  readonly #wait: LiveWait
  readonly #out: Out
  #place: UpdatesPlace
  #left: number

  constructor(store: Store, wait: LiveWait, start: { readonly place: UpdatesPlace; readonly left: number }) {
    this.#store = store
    this.#wait = wait
    this.#out = wait.out
    this.#place = start.place
    this.#left = start.left
  }

  /**
   * `normal` and `longpoll`: one JSON object. A longpoll without anything to tell waits for the first update; that its place is not
   * what it was is something to tell.
   */
  async writeResults(feed: 'normal' | 'longpoll', rewound: boolean): Promise<void> {
    await this.#out.write('{"results":[\n')
    const write = (row: string, isFirst: boolean) => this.#out.write(isFirst ? row : `,\n${row}`)
    let told = await this.#tell(write)
    const mayWait = feed === 'longpoll' && !rewound
    while (told === 0 && mayWait && this.#left > 0 && (await this.#wait.next()) === 'change') {
      told = await this.#tell(write)
    }
    await this.#out.write(`\n],\n"last_seq":${this.#lastSeq()}${rewound ? ',"rewound":true' : ''}}\n`)
  }

  /** `continuous`: a row a line, and the place as the last one. */
  async writeLines(): Promise<void> {
    // Headers go out with the first byte, and a client waits for them.
    await this.#out.write('\n')
    do {
      await this.#tell(row => this.#out.write(`${row}\n`))
    } while (this.#left > 0 && (await this.#wait.next()) === 'change')
    await this.#out.write(`{"last_seq":${this.#lastSeq()}}\n`)
  }

  /** Writes all there is now. Returns how many rows that were. */
  async #tell(write: (row: string, isFirst: boolean) => Promise<void> | undefined): Promise<number> {
    let told = 0
    while (this.#left > 0 && !this.#wait.hasEnded()) {
      const page = this.#store.dbUpdates({ after: this.#place, limit: Math.min(this.#left, PAGE_SIZE) })
      for (const update of page) {
        await write(this.#row(update), told === 0)
        this.#place = update.place
        told++
      }
      this.#left -= page.length
      if (page.length === 0) break
    }
    return told
  }

  #row({ place, name, type }: DbUpdate): string {
    return JSON.stringify({ db_name: name, type, seq: this.#store.updatesSequence(place) })
  }

  #lastSeq(): string {
    return JSON.stringify(this.#store.updatesSequence(this.#place))
  }
}
