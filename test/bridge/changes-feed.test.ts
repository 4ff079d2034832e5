import t from 'tap'
import { readChanges } from '../../bridge/changes-feed.ts'
import type { CouchClient } from '../../bridge/couch-client.ts'

/** A server that says this whatever it is asked. */
function saying(answer: unknown): CouchClient {
  return { url: 'http://server', json: async () => answer }
}

t.test('a feed that says there is more and does not move is no feed: nobody reads it for ever', async t => {
  const stuck = saying({ results: [], last_seq: '7-a', pending: 3 })
  const query = { database: 'db', since: '7-a', limit: 10, signal: new AbortController().signal }
  await t.rejects(readChanges(stuck, query), {
    name: 'ServerError',
    message: 'the feed of db does not move on from 7-a, and says that there is more',
  })
  t.match(await readChanges(stuck, { ...query, since: '6-a' }), { cursor: '7-a', pending: 3 })
  const atEnd = saying({ results: [], last_seq: '7-a', pending: 0 })
  t.match(await readChanges(atEnd, query), { cursor: '7-a', pending: 0 })
})
