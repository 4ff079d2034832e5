import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PouchDB from 'pouchdb-node'
import t from 'tap'
import { userDbName } from '../../../design-docs/user-db.ts'
import { pouchOn } from '../../fixtures/divan-pouch.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { type Content, phone } from '../../fixtures/phone.ts'
import { runningServer } from '../../fixtures/running-server.ts'

const server = await runningServer(t)
const folder = await mkdtemp(join(tmpdir(), 'divan-level-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

type Pouch = PouchDB.Database<Content>

/** Every document of a database with its leaves and attachments, to compare two of them. */
async function contentOf(pouch: Pouch): Promise<unknown> {
  const { results } = await pouch.changes({ style: 'all_docs', include_docs: true, attachments: true })
  return results
    .map(({ id, changes, doc }) => ({
      id,
      revs: changes.map(({ rev }) => rev).sort(),
      doc: asJson(doc),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** A document as it would travel: what a PouchDB adds to it in process is left behind. */
function asJson(doc: unknown): unknown {
  return JSON.parse(JSON.stringify(doc))
}

/** Documents with every difficulty: an edit, a deletion, a conflict, attachments, a text that is odd. */
async function fill(pouch: Pouch, name: string): Promise<void> {
  await pouch.bulkDocs(Array.from({ length: 150 }, (_, n) => ({ _id: `${name}-${n}`, n })))
  await pouch.put({ ...(await pouch.get(`${name}-1`)), text: 'é😀\u0000' })
  await pouch.remove(await pouch.get(`${name}-2`))
  const branches = ['a', 'b'].map(sig => ({ _id: `${name}-3`, _rev: `2-${sig}`, sig }))
  await pouch.bulkDocs(branches, { new_edits: false })
  await pouch.putAttachment(`${name}-photo`, 'a/b.jpg', Buffer.alloc(200_000, name), 'image/jpeg')
}

t.test(
  'a LevelDB PouchDB and a database of the store become the same, and go on where they were',
  async t => {
    const level: Pouch = new PouchDB(join(folder, 'level'))
    t.teardown(() => level.close())
    let divan = pouchOn(server.store, 'level')
    await fill(level, 'level')
    await fill(divan, 'divan')
    await divan.sync(level)
    t.strictSame(await contentOf(divan), await contentOf(level))

    await server.restart()
    divan = pouchOn(server.store, 'level')
    t.match(await divan.replicate.to(level), { docs_read: 0 }, 'its sequences are good after a restart')
    t.match(await divan.replicate.from(level), { docs_read: 0 })
    await divan.put({ _id: 'later' })
    t.match(await divan.replicate.to(level), { docs_read: 1 })
  },
)

t.test('a database in process and one over HTTP become the same, over a restart', async t => {
  const token = server.token('http')
  const { remote } = await phone(t, server.url, token)
  await fill(remote, 'remote')
  let divan = pouchOn(server.store, 'in-process')
  await fill(divan, 'divan')
  await divan.sync(remote)
  t.strictSame(await contentOf(divan), await contentOf(remote))
  const user = pouchOn(server.store, userDbName('http'))
  t.strictSame(await contentOf(user), await contentOf(remote), 'it is the same database, in process and not')

  await server.restart()
  divan = pouchOn(server.store, 'in-process')
  await remote.put({ _id: 'later' })
  t.match(await divan.replicate.from(remote), { docs_read: 1 })
  t.match(await divan.replicate.to(remote), { docs_read: 0 })
})

t.test('a live sync carries writes both ways while it lasts', async t => {
  const [one, two] = [pouchOn(server.store, 'live-1'), pouchOn(server.store, 'live-2')]
  const sync = one.sync(two, { live: true })
  for (let n = 0; n < 5; n++) {
    await one.put({ _id: `one-${n}` })
    await two.put({ _id: `two-${n}` })
    await eventually(() => Promise.all([two.get(`one-${n}`), one.get(`two-${n}`)]), 'both on both sides')
  }
  sync.cancel()
  await one.put({ _id: 'after' })
  await t.rejects(two.get('after'), { name: 'not_found' })
})

t.test('a document that can never be stored is denied, and the others arrive', async t => {
  const level: Pouch = new PouchDB(join(folder, 'odd'))
  t.teardown(() => level.close())
  await level.bulkDocs(
    [
      { _id: 'bad', _rev: '1-"' },
      { _id: 'good', _rev: '1-a' },
    ],
    { new_edits: false },
  )
  const denied: string[] = []
  const divan = pouchOn(server.store, 'odd')
  const done = await level.replicate.to(divan).on('denied', error => denied.push(JSON.stringify(error)))
  t.match(done, { docs_written: 1, doc_write_failures: 1 })
  t.match(denied, [/Invalid rev/])
  t.match(await divan.allDocs(), { rows: [{ id: 'good' }] })
})
