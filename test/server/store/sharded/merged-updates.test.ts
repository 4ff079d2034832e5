import t, { type Test } from 'tap'
import { userDbName } from '../../../../design-docs/user-db.ts'
import { filesOf } from '../../../../server/store/sharded/files-of.ts'
import {
  mergedPlace,
  mergedSequence,
  mergedUpdates,
} from '../../../../server/store/sharded/merged-updates.ts'
import { openStoreFiles } from '../../../../server/store/sharded/open-store-files.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'
import type { DbUpdate, Store, UpdatesPlace } from '../../../../server/store/store.ts'
import { rawRequest } from '../../../fixtures/raw-request.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { runningServer } from '../../../fixtures/running-server.ts'
import { type SeededRandom, seededRandom } from '../../../fixtures/seeded-random.ts'
import { databaseOf, interactive, store as storeOne } from '../contract/subject.ts'
import { userIn } from './user-in.ts'

const COUNT = 3
const EPOCHS = ['aaaa0000', 'bbbb1111', 'cccc2222']

/** The log of one file: each name once, at its last number. */
class Log {
  readonly #epoch: string
  readonly #at = new Map<string, number>()
  last = 0

  constructor(epoch: string) {
    this.#epoch = epoch
  }

  note(name: string): void {
    this.#at.delete(name)
    this.#at.set(name, ++this.last)
  }

  dbUpdates({
    after: [after = 0],
    limit,
  }: {
    readonly after: UpdatesPlace
    readonly limit: number
  }): DbUpdate[] {
    const all = [...this.#at].filter(([, n]) => n > after).slice(0, limit)
    return all.map(([name, n]) => ({ place: [n], name, type: 'updated' }))
  }

  updatesPlace(since: string) {
    const [n = '0', epoch] = since.split('-')
    if (since === 'now') return { place: [this.last], rewound: false }
    const isOurs = epoch === this.#epoch
    return { place: [isOurs ? Number(n) : 0], rewound: !isOurs && since !== '0' }
  }

  updatesSequence([n = 0]: UpdatesPlace): string {
    return `${n}-${this.#epoch}`
  }
}

t.test(
  'whoever follows misses no last change of any file, whatever pages he reads and whenever he comes back',
  async t => {
    const random = seededRandom(t)
    for (let round = 0; round < rounds(30, 3000); round++) follow(t, random)
  },
)

function follow(t: Test, random: SeededRandom): void {
  const logs = EPOCHS.map(epoch => new Log(epoch))
  /** Of each name, how often it has changed, and what the follower was told at last. */
  const changes = new Map<string, number>()
  const told = new Map<string, number>()
  let sequence = mergedSequence(logs, mergedPlace(logs, random.pick(['0', 'now'])).place)
  const read = (limit: number): number => {
    const { place, rewound } = mergedPlace(logs, sequence)
    if (rewound) t.fail('a sequence of this store leads to itself')
    const page = mergedUpdates(logs, { after: place, limit })
    if (page.length > limit) t.fail('more than was asked for')
    // A reader may stop after any row.
    const rows = random.chance(0.8) ? page : page.slice(0, random.below(page.length + 1))
    for (const { name, place } of rows) {
      told.set(name, changes.get(name) ?? 0)
      sequence = mergedSequence(logs, place)
    }
    return page.length
  }
  for (let step = 0; step < 60; step++) {
    const at = random.below(COUNT)
    const name = `${at} ${random.below(5)}`
    logs[at]?.note(name)
    changes.set(name, (changes.get(name) ?? 0) + 1)
    if (random.chance(0.3)) read(1 + random.below(8))
  }
  while (read(random.pick([1, 2, 5, 100])) > 0);
  t.same([...told].sort(), [...changes].sort())
}

t.test('a file that is written without a pause keeps nobody from being told of the others', async t => {
  const logs = EPOCHS.map(epoch => new Log(epoch))
  for (const log of logs) for (let n = 0; n < 10; n++) log.note(`${n}`)
  for (const limit of [1, 2, 500]) {
    let { place } = mergedPlace(logs, '0')
    for (let n = 0; n < 400 && !place.every((at, i) => i === 0 || at === logs[i]?.last); n++) {
      for (let more = 0; more < 600; more++) logs[0]?.note(`more ${more}`)
      place = mergedUpdates(logs, { after: place, limit }).at(-1)?.place ?? place
    }
    t.same(place.slice(1), [10, 10], `in pages of ${limit}`)
  }
})

t.test('a sequence that is not of this store leads to the beginning; its length has a bound', async t => {
  const logs = EPOCHS.map(epoch => new Log(epoch))
  for (const log of logs) log.note('x')
  const now = mergedSequence(logs, mergedPlace(logs, 'now').place)
  t.equal(now, '3-1xaaaa0000s1xbbbb1111s1xcccc2222')
  t.same(mergedPlace(logs, now), { place: [1, 1, 1], rewound: false })
  t.same(mergedPlace(logs, '0'), { place: [0, 0, 0], rewound: false })
  t.same(
    mergedPlace(logs, now.replace('bbbb', 'dddd')),
    { place: [1, 0, 1], rewound: true },
    'one file went back',
  )
  const foreign = [
    '3',
    '3-',
    '3-aaaa0000',
    '2-1xaaaa0000s1xbbbb1111',
    `${now}s1xaaaa0000`,
    '3-sss',
    'rubbish',
    '-',
    '',
  ]
  for (const since of foreign) t.match(mergedPlace(logs, since), { place: [0, 0, 0], rewound: true }, since)
  const largest = Array.from({ length: 32 }, () => new Log('ffffffff'))
  const place = largest.map(() => 999_999_999)
  t.ok(mergedSequence(largest, place).length < 700)
})

/** Of the store, what is told after a sequence. */
function toldAfter(store: Store, since: string) {
  const { place, rewound } = store.updatesPlace(since)
  return { names: store.dbUpdates({ after: place, limit: 100 }).map(({ name }) => name), rewound }
}

t.test(
  'the place outlives restarts; if one file went back in time all clients are led back, and the uuid is another',
  async t => {
    const file = `${t.testdir()}/store.db`
    const open = () => openStoreFiles({ file, shards: COUNT, log: line => t.fail(line) })
    const names = EPOCHS.map((_, at) => userDbName(userIn(at, COUNT)))
    const first = await open()
    for (const name of names) await first.createDatabase(name)
    const before = first.updatesSequence(first.updatesPlace('now').place)
    const { uuid } = first
    await first.close()

    const second = await open()
    t.same(toldAfter(second, before), { names: [], rewound: false })
    await storeOne(databaseOf(second, names[1] ?? ''), interactive('x'))
    t.same(toldAfter(second, before), { names: [names[1]], rewound: false })
    const later = second.updatesSequence(second.updatesPlace('now').place)
    await databaseOf(second, names[2] ?? '').writeLocalDoc('log', undefined, '{"last_seq":1}')
    await second.close()

    const connection = new Connection(await loadDriver(), filesOf(file, COUNT)[1] ?? '')
    connection.exec(
      "delete from updates where type = 'updated'; delete from epochs where db = 0 and first > 1",
    )
    connection.close()
    const third = await open()
    t.equal(toldAfter(third, later).rewound, true)
    await third.forgetReplicationLogs()
    t.not(third.uuid, uuid)
    t.equal(databaseOf(third, names[2] ?? '').localDoc('log'), undefined)
    await third.close()
  },
)

const server = await runningServer(t, { shards: COUNT })
const ask = async (path: string) =>
  JSON.parse((await rawRequest(server.url, path, { headers: { authorization: server.basic } })).body)

t.test('over HTTP it is one feed, and the store is one', async t => {
  const names = EPOCHS.map((_, at) => userDbName(userIn(at, COUNT)))
  const waiting = ask('/_db_updates?feed=longpoll&since=now&timeout=60000')
  for (const [at, name] of names.entries()) {
    const user = userIn(at, COUNT)
    const put = await rawRequest(server.url, '/me/doc', {
      method: 'PUT',
      headers: { authorization: server.bearer(user), 'content-type': 'application/json' },
      body: '{}',
    })
    t.equal(put.status, 201, name)
  }
  t.match(await waiting, { results: [{ db_name: names[0] }] })
  const all = await ask('/_db_updates')
  t.same(all.results.map(({ db_name }: { db_name: string }) => db_name).sort(), ['_users', ...names].sort())
  t.same((await ask(`/_db_updates?since=${all.last_seq}`)).results, [])
  const page = await ask('/_db_updates?limit=2')
  const rest = await ask(`/_db_updates?since=${page.last_seq}`)
  const told = [...page.results, ...rest.results].map(({ db_name }) => db_name)
  t.same(told.sort(), ['_users', ...names].sort(), 'each once')
  t.same(await ask('/_all_dbs?skip=1&limit=2'), ['_users', ...names].sort().slice(1, 3))
  t.match(await ask('/health'), { status: 'ok' })
  await server.restart({ shards: COUNT })
  t.same((await ask(`/_db_updates?since=${all.last_seq}`)).results, [])
})

/** A request and what it came to. `database`: by its place in the list. */
type Seen = { readonly database: number; readonly start: number; readonly end: number }
type Write = Seen & { readonly id: string }
type Read = Seen & { readonly write: Write; readonly found: boolean }

/** Clients who write to databases, read them, delete them and make them anew, all at once and without a word to each other. */
class Clients {
  readonly writes: Write[] = []
  readonly deletions: Seen[] = []
  readonly reads: Read[] = []
  readonly odd: string[] = []
  readonly #random: SeededRandom
  #sent = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  async run(clients: number, requests: number): Promise<void> {
    const one = async () => {
      while (this.#sent++ < requests) await this.#step(this.#random.below(USERS.length))
    }
    await Promise.all(Array.from({ length: clients }, one))
  }

  async #step(database: number): Promise<void> {
    const choice = this.#random.next()
    const name = NAMES[database] ?? ''
    if (choice < 0.06) {
      const { status, ...seen } = await this.#ask(database, 'DELETE', `/${name}`)
      if (status === 200) this.deletions.push(seen)
    } else if (choice < 0.1) await this.#ask(database, 'PUT', `/${name}`)
    else if (choice < 0.6) await this.#write(database, `doc-${this.#sent}`, this.#random.chance(0.7))
    else if (this.writes.length > 0) await this.read(this.#random.pick(this.writes.slice(-40)))
  }

  async #write(database: number, id: string, asUser: boolean): Promise<void> {
    const path = asUser ? `/me/${id}` : `/${NAMES[database]}/${id}`
    const { status, ...seen } = await this.#ask(database, 'PUT', path, asUser)
    if (status === 201) this.writes.push({ ...seen, id })
  }

  async read(write: Write): Promise<void> {
    const { database, id } = write
    const { status, ...seen } = await this.#ask(database, 'GET', `/${NAMES[database]}/${id}`)
    this.reads.push({ ...seen, write, found: status === 200 })
  }

  async #ask(database: number, method: string, path: string, asUser = false) {
    const authorization = asUser ? server.bearer(USERS[database] ?? '') : server.basic
    const start = performance.now()
    const { status } = await rawRequest(server.url, path, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      body: method === 'PUT' && path.includes('/doc-') ? '{}' : '',
    })
    if (![200, 201, 404, 412].includes(status)) this.odd.push(`${method} ${path}: ${status}`)
    return { status, database, start, end: performance.now() }
  }
}

const USERS = [0, 1, 2].map(at => userIn(at, COUNT))
const NAMES = USERS.map(userDbName)

/** Reads that nothing explains: a document that no deletion took, or one that came back from before a deletion. */
function unexplained({ reads, deletions }: Clients): readonly string[] {
  return reads.flatMap(({ write, found, start, end }) => {
    const mine = deletions.filter(({ database }) => database === write.database)
    const mayBeGone = mine.some(deletion => deletion.start < end && deletion.end > write.start)
    const mustBeGone = mine.some(deletion => deletion.start > write.end && deletion.end < start)
    if (!found && !mayBeGone) return [`${write.id} is lost`]
    return found && mustBeGone ? [`${write.id} is from before a deletion`] : []
  })
}

t.test(
  'of databases that many clients delete and make anew at once, each acknowledged write is there unless a deletion came after it, and nothing of before one',
  async t => {
    const random = seededRandom(t)
    const clients = new Clients(random)
    await clients.run(12, rounds(400, 5000))
    for (const isRestarted of [false, true]) {
      if (isRestarted) await server.restart({ shards: COUNT })
      for (const write of clients.writes) await clients.read(write)
      t.same(unexplained(clients), [], isRestarted ? 'after a restart' : 'in the end')
      const there = clients.reads.slice(-clients.writes.length).filter(({ found }) => found)
      const { results } = await ask('/_db_updates')
      for (const [at, name] of NAMES.entries()) {
        const ids = there.filter(({ database }) => database === at).map(({ write }) => write.id)
        const { rows = [], error } = await ask(`/${name}/_all_docs`)
        const listed = rows.map(({ id }: { id: string }) => id).filter((id: string) => id !== 'doc')
        t.same(listed, ids.sort(), name)
        const { type } = results.find(({ db_name }: { db_name: string }) => db_name === name)
        t.equal(type === 'deleted', error === 'not_found', `its last update is ${type}`)
      }
    }
    t.same(clients.odd, [])
    t.comment(
      `${clients.writes.length} writes, ${clients.deletions.length} deletions, ${clients.reads.length} reads`,
    )
    t.ok(clients.deletions.length > 0)
  },
)
