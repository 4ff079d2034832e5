import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { userDbName } from '../../design-docs/user-db.ts'
import { eventually } from '../fixtures/eventually.ts'
import { httpClient } from '../fixtures/http-client.ts'
import type { Content } from '../fixtures/phone.ts'
import { randomCuts } from '../fixtures/random-cuts.ts'
import { rounds } from '../fixtures/rounds.ts'
import { newSeed, randomOf, type SeededRandom } from '../fixtures/seeded-random.ts'
import { serverWithCopies } from '../fixtures/server-with-copies.ts'
import { fatal, type WatchedPhone, watchedPhone } from '../fixtures/watched-phone.ts'

const server = await serverWithCopies(t)
const admin = httpClient(server.url, server.basic)

/** More than anybody remembers, in the long form: then a device has a conflict with itself, the same everywhere. */
const EDITS = rounds(20, 1100)

type Database = PouchDB.Database<Content>

/** Each document with all its leaves, deleted ones too. */
async function leavesOf(database: Database): Promise<string[]> {
  const { results } = await database.changes({ style: 'all_docs' })
  return results.flatMap(({ id, changes }) => changes.map(({ rev }) => `${id} ${rev}`)).sort()
}

/** The leaves, what reads return, conflicts and attachments: all that two databases can differ in. */
async function contentOf(database: Database): Promise<string> {
  const { rows } = await database.allDocs({ include_docs: true, conflicts: true })
  const docs = rows.map(({ doc }) => {
    const { _conflicts: conflicts = [], _attachments: attachments = {}, ...rest } = doc ?? {}
    const digests = Object.entries(attachments).map(([name, { digest }]) => [name, digest])
    return [Object.entries(rest).sort(), conflicts.toSorted(), digests.sort()]
  })
  return JSON.stringify([docs, await leavesOf(database)], null, 1)
}

/** All have the same, and in it everything that each of them had written. */
async function agree(t: Test, databases: readonly Database[], written: ReadonlySet<string>): Promise<void> {
  const same = async () => {
    const contents = await Promise.all(databases.map(contentOf))
    return contents.every(content => content === contents[0])
  }
  const isHere = async (database: Database) => {
    const leaves = new Set(await leavesOf(database))
    return [...written].every(leaf => leaves.has(leaf))
  }
  await eventually(
    async () => (await same()) && (await Promise.all(databases.map(isHere))).every(Boolean),
    'all agree, and nothing is lost',
    60_000,
  )
  t.pass('all agree, and nothing is lost')
}

const photo = (text: string) => ({ content_type: 'image/jpeg', data: Buffer.from(text).toString('base64') })

/** Edits a document as its app would: on top of what it shows, deleted or not. */
async function edit({ local }: WatchedPhone, _id: string, members: Content): Promise<void> {
  const old = await local.get(_id).catch(() => undefined)
  await local.put({ ...old, ...members, _id })
}

async function remove({ local }: WatchedPhone, id: string): Promise<void> {
  const doc = await local.get(id).catch(() => undefined)
  if (doc !== undefined) await local.remove(doc)
}

t.test('a phone that was offline for a month comes back, and everything agrees', async t => {
  const user = 'anna'
  const [one, two, three] = (await Promise.all(
    [1, 2, 3].map(() => watchedPhone(t, server.url, server.token(user))),
  )) as [WatchedPhone, WatchedPhone, WatchedPhone]
  const ids = ['edited', 'deleted', 'both', 'again', 'photo', 'mine', 'same']
  for (const _id of ids) await one.local.put({ _id, _attachments: { 'a.jpg': photo(_id) } })
  for (const { local, remote } of [one, two, three]) await local.sync(remote)
  await server.copyAside('running')

  // The one phone is away, and edits everything.
  for (let i = 0; i < EDITS; i++) await edit(one, 'edited', { by: 'one', i })
  for (const id of ['deleted', 'both', 'again']) await edit(one, id, { by: 'one' })
  await edit(one, 'photo', { _attachments: { 'b/c.jpg': photo('of one') } })
  await remove(one, 'mine')
  await one.local.put({ _id: 'new of one' })
  for (const each of [one, two]) await each.local.put({ _id: 'new of both', by: each === one ? 1 : 2 })

  // The other two are online, and do the same.
  two.goOnline()
  three.goOnline()
  await edit(two, 'both', { by: 'two' })
  await edit(three, 'both', { by: 'three' })
  for (let i = 0; i < 30; i++) await edit(two, 'edited', { by: 'two', i })
  await remove(three, 'deleted')
  await remove(three, 'again')
  await edit(three, 'again', { by: 'three' })
  await edit(two, 'photo', { _attachments: { 'a.jpg': photo('of two') } })
  await edit(three, 'mine', { by: 'three' })
  await three.local.put({ _id: 'new of three' })
  const written = new Set<string>()
  await agree(t, [two.local, three.local, two.remote], written)
  await admin.post(`/${userDbName(user)}/_compact`, {})
  await server.restart()

  // Time goes back on the server, and on.
  for (const { local } of [two, three]) for (const leaf of await leavesOf(local)) written.add(leaf)
  await server.restore()
  await edit(three, 'same', { by: 'three' })
  await edit(two, 'new of three', { by: 'two' })
  written.clear()
  for (const { local } of [two, three]) await local.put({ _id: `${local.name.slice(-30)} is back` })
  await agree(t, [two.local, three.local, two.remote], written)
  await admin.post(`/${userDbName(user)}/_compact`, {})

  // The phone comes back, with the token of a month ago.
  for (const { local } of [one, two]) for (const leaf of await leavesOf(local)) written.add(leaf)
  const onlyParents = (await leavesOf(two.local)).filter(leaf => / 1-/.test(leaf))
  for (const leaf of onlyParents) written.delete(leaf)
  // Seen before they meet: what one of them edited on is a leaf no more, here or there.
  for (const phone of [one, two]) {
    for (const leaf of await supersededBy(phone, written)) written.delete(leaf)
  }
  one.token = server.token(user, -30 * 24 * 3600)
  one.goOnline()
  await eventually(() => one.events.some(event => /^push paused: ./.test(event)), 'it waits for a token')
  one.token = server.token(user)
  await agree(t, [one.local, two.local, three.local, one.remote], written)
  for (const { events } of [one, two, three]) t.strictSame(fatal(events), [])
})

type Path = { readonly start: number; readonly ids: readonly string[] }

/** Leaves of others that this phone had edited on: they are its leaves' ancestors. */
async function supersededBy({ local }: WatchedPhone, leaves: ReadonlySet<string>): Promise<string[]> {
  const superseded: string[] = []
  for (const leaf of leaves) {
    const [, id = '', rev = ''] = /^(.*) (\S+)$/.exec(leaf) ?? []
    const revisions = await local.get(id, { open_revs: 'all', revs: true }).catch(() => [])
    for (const opened of revisions) {
      const { _revisions: path } = ('ok' in opened ? opened.ok : {}) as { _revisions?: Path }
      const { start = 0, ids = [] } = path ?? {}
      if (ids.slice(1).some((sig, i) => `${start - 1 - i}-${sig}` === rev)) superseded.push(leaf)
    }
  }
  return superseded
}

const STEPS = 40

/** What a phone may do in one step. */
async function step(phone: WatchedPhone, random: SeededRandom, n: number): Promise<void> {
  const id = `d${random.below(8)}`
  const what = random.below(10)
  if (what < 5) return edit(phone, id, { n })
  if (what < 7)
    return edit(phone, id, { n, _attachments: { [`p/${n}.jpg`]: photo('x'.repeat(random.below(20_000))) } })
  if (what < 8) return remove(phone, id)
  const docs = Array.from({ length: 20 }, (_, i) => ({
    _id: `many-${n}-${i}`,
    text: 'x'.repeat(random.below(500)),
  }))
  await phone.local.bulkDocs(docs)
}

t.test('phones on a network that cuts connections at any byte', async t => {
  for (let round = 0; round < rounds(1, 20); round++) {
    const seed = newSeed()
    const random = randomOf(seed)
    t.comment(`seed ${seed}`)
    const user = `random-${round}`
    const cuts = await randomCuts(t, server.url, random, 4000)
    const phones = await Promise.all([1, 2, 3].map(() => watchedPhone(t, cuts.url, server.token(user))))
    const syncs = new Map<WatchedPhone, { cancel(): void }>()
    for (let n = 0; n < STEPS; n++) {
      const phone = random.pick(phones)
      if (random.chance(0.3)) {
        syncs.get(phone)?.cancel()
        if (!syncs.delete(phone)) syncs.set(phone, phone.goOnline())
      }
      await step(phone, random, n)
      await sleep(random.below(20))
      if (random.chance(0.05)) await admin.post(`/${userDbName(user)}/_compact`, {})
    }
    cuts.heal()
    const written = new Set<string>()
    for (const phone of phones) {
      for (const leaf of await leavesOf(phone.local)) written.add(leaf)
      if (!syncs.has(phone)) syncs.set(phone, phone.goOnline())
    }
    for (const phone of phones) for (const leaf of await supersededBy(phone, written)) written.delete(leaf)
    const [one] = phones
    if (one === undefined) return
    await agree(t, [...phones.map(({ local }) => local), one.remote], written).catch(error => {
      for (const { events, requests } of phones) t.comment(events.slice(-10), requests.slice(-20))
      throw error
    })
    for (const sync of syncs.values()) sync.cancel()
    t.comment(`${cuts.count} connections were cut`)
    for (const { events } of phones)
      t.strictSame(
        fatal(events).filter(event => !/complete/.test(event)),
        [],
      )
  }
})
