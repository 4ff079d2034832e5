import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { metricsDbName, userDbName } from '../../../../design-docs/user-db.ts'
import { openStoreFiles } from '../../../../server/store/sharded/open-store-files.ts'
import type { Store } from '../../../../server/store/store.ts'
import { collectGarbage } from '../../../fixtures/collect-garbage.ts'
import { databaseOf, interactive, replicated, store as storeOne } from '../contract/subject.ts'

export const USERS = Array.from({ length: 7 }, (_, n) => `user ${n}`)

/** What a replicating client notes. */
export const LOG = JSON.stringify({ session_id: 's', history: [], last_seq: 7, replicator: 'pouchdb' })

/** Opens a store of so many files; a line about a failure fails the test. */
export function opened(t: Test, file: string, shards: number): Promise<Store> {
  return openStoreFiles({ file, shards, log: line => t.fail(line) })
}

/** Closes a store so that another process's work may begin. */
export async function closed(store: Store): Promise<void> {
  await store.close()
  await collectGarbage()
}

/** Gives each user documents, histories, attachments and local docs, and the store a database of nobody and one that is gone. */
export async function fill(store: Store): Promise<void> {
  const names = ['_users', 'gone', ...USERS.flatMap(user => [userDbName(user), metricsDbName(user)])]
  for (const name of names) await store.createDatabase(name)
  await Promise.all(names.map(name => fillDatabase(store, name)))
  await store.deleteDatabase('gone')
}

async function fillDatabase(store: Store, name: string): Promise<void> {
  const database = databaseOf(store, name)
  const data = (text: string) => Buffer.from(`${text} of ${name}`.repeat(3000))
  const attachments = ['x', 'y'].map(text => ({ name: text, contentType: 'text/plain', data: data(text) }))
  const rev = await storeOne(database, interactive('with', undefined, { attachments }))
  const stubs = attachments.map(({ data: _data, ...stub }) => stub)
  await storeOne(database, interactive('with', rev, { attachments: stubs.slice(1), body: '{"v":2}' }))
  const gone = await storeOne(database, interactive('deleted', undefined, { body: `{"of":"${name}"}` }))
  await storeOne(database, interactive('deleted', gone, { deleted: true }))
  await database.write([replicated('branched', ['2-a', '1']), replicated('branched', ['2-b', '1'])])
  await database.writeLocalDoc('app', undefined, `{"of":"${name}"}`)
  await database.writeLocalDoc('log', undefined, LOG)
}

/** All that can be read of a store, by database. */
export function contentsOf(store: Store) {
  return store.databaseNames({ limit: 1000 }).map(name => {
    const database = databaseOf(store, name)
    const facts = database.facts()
    const changes = database.changes({ after: 0, limit: 1000, withBodies: true, withLastLive: true })
    return {
      name,
      facts,
      changes,
      sequence: database.sequence(facts.updateSeq),
      bytes: changes.flatMap(({ revision }) =>
        (revision?.attachments ?? []).map(({ digest }) =>
          createHash('md5')
            .update(Buffer.concat([...(database.attachment(digest)?.read() ?? [])]))
            .digest('hex'),
        ),
      ),
      locals: database.localDocs({ limit: 1000, withBodies: true }),
    }
  })
}
