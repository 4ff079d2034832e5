import { isJsonObject, memberOf } from '../design-docs/json-object.ts'
import { type CouchClient, ServerError } from './couch-client.ts'

/** A page of the feed of changed databases. */
export interface UpdatesPage {
  readonly names: readonly string[]
  /** Those of them that were deleted or made. */
  readonly remade: readonly string[]
  readonly cursor: string
  /** The page begins earlier than it was asked to: the server was restored. */
  readonly rewound: boolean
}

/** How long the server may wait for something to tell. Shorter than the silence after which proxies hang up. */
const WAIT_MS = 25_000

/** Many small pages are better than a large one: each becomes one transaction of marks. */
const PAGE_LIMIT = 1000

/** Waits for databases to change after this place. */
export async function waitForUpdates(
  client: CouchClient,
  since: string,
  signal: AbortSignal,
): Promise<UpdatesPage> {
  const parameters = new URLSearchParams({
    feed: 'longpoll',
    since,
    timeout: String(WAIT_MS),
    limit: String(PAGE_LIMIT),
  })
  const silenceMs = WAIT_MS + 15_000
  return parsePage(await client.json({ path: `_db_updates?${parameters}`, silenceMs, signal }))
}

/** The feed's end as it is now. */
export async function updatesCursor(
  client: CouchClient,
  signal: AbortSignal,
  answerMs?: number,
): Promise<string> {
  // No longpoll, and no limit of 0: there is nothing after `now` that would have to be left out.
  const page = parsePage(await client.json({ path: '_db_updates?since=now', signal, answerMs }))
  return page.cursor
}

/** The server's own id: another one is another server, with other databases. */
export async function serverUuid(client: CouchClient, signal: AbortSignal): Promise<string> {
  const answer = await client.json({ path: '', signal })
  const uuid = isJsonObject(answer) ? memberOf(answer, 'uuid') : undefined
  return typeof uuid === 'string' ? uuid : 'unknown'
}

/** The names of all databases, page by page: there may be hundreds of thousands. */
export async function* allDatabases(client: CouchClient, signal: AbortSignal): AsyncGenerator<string[]> {
  const limit = 5000
  let start = ''
  for (;;) {
    const path = `_all_dbs?limit=${limit}&startkey=${encodeURIComponent(JSON.stringify(start))}`
    const names = await client.json({ path, signal })
    if (!Array.isArray(names))
      throw new ServerError('the server answers something else than a list of databases', {})
    yield names.map(String)
    const last = String(names.at(-1))
    if (names.length < limit || last === start) return
    start = last
  }
}

function parsePage(answer: unknown): UpdatesPage {
  const results = isJsonObject(answer) ? memberOf(answer, 'results') : undefined
  const cursor = isJsonObject(answer) ? memberOf(answer, 'last_seq') : undefined
  if (
    !isJsonObject(answer) ||
    !Array.isArray(results) ||
    (typeof cursor !== 'string' && typeof cursor !== 'number')
  ) {
    throw new ServerError('the server answers something else than a feed of changed databases', {})
  }
  const updates = results.filter(isJsonObject).map(row => ({
    name: String(memberOf(row, 'db_name')),
    type: memberOf(row, 'type'),
  }))
  return {
    names: updates.map(update => update.name),
    remade: updates.filter(({ type }) => type === 'deleted' || type === 'created').map(({ name }) => name),
    cursor: String(cursor),
    rewound: memberOf(answer, 'rewound') === true,
  }
}
