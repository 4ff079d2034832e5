import type { Test } from 'tap'
import type { Database, DocsQuery } from '../../../../server/store/store.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { type SeededRandom, seededRandom } from '../../../fixtures/seeded-random.ts'
import { interactive, replicated, type Subject, store, writeOne } from './subject.ts'

/** One type of a database: what it lists and counts is what of the whole database's rows is of the type. */
export async function ofTypeSuite(t: Test, { newDatabase }: Subject): Promise<void> {
  await t.test('an id is of a type if it is the type or begins with it and a colon', async t => {
    const database = await newDatabase()
    const [inside, outside] = [
      ['lap', 'lap:', 'lap:\0', 'lap:\u0001x', 'lap:!', 'lap::', 'lap:a:b', 'lap:\uffff', 'lap:😀'],
      [
        'la',
        'lap\0',
        'lap\u0001',
        'lap!',
        'lap-x:1',
        'lap9',
        'lap;',
        'lapp',
        'lapé:1',
        'LAP:1',
        'xlap:1',
        ':lap',
      ],
    ]
    await database.write([...outside, ...inside].map(id => replicated(id, ['1-a'])))
    const laps = database.ofType('lap')
    const sorted = [...inside].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    t.same(ids(laps, {}), sorted)
    t.same(ids(laps, { descending: true }), sorted.toReversed())
    t.same(
      laps.changes({ after: 0, limit: 100 }).map(({ id }) => id),
      inside,
    )
    t.equal(laps.facts().docCount, inside.length)
    t.equal(laps.pending(0), inside.length)
    t.throws(() => database.ofType('a:b'), /before the first colon/)
  })

  await t.test('what is no list is the whole database’s', async t => {
    const database = await newDatabase()
    const laps = database.ofType('lap')
    const rev = await store(laps, interactive('run:1', undefined, { body: '{"km":3}' }))
    await laps.writeLocalDoc('log', undefined, '{}')
    t.equal(laps.name, database.name)
    t.equal(database.doc('run:1')?.tree.winner.rev, rev)
    t.equal(laps.doc('run:1')?.tree.winner.rev, rev)
    t.ok(database.localDoc('log'))
    t.equal(laps.revsDiff(new Map([['run:1', [rev]]])).size, 0)
    t.equal(laps.facts().updateSeq, 1)
    t.equal(laps.sequence(1), database.sequence(1))
    t.same(laps.place(database.sequence(1)), { n: 1, rewound: false })
    const { docCount, docDelCount } = laps.facts()
    t.same({ docCount, docDelCount, pending: laps.pending(0) }, { docCount: 0, docDelCount: 0, pending: 0 })
  })

  await t.test('a page looks no further than it is told', async t => {
    for (const whole of [true, false]) {
      const database = await newDatabase()
      await database.write(Array.from({ length: 20 }, (_, i) => replicated(`lap:${i}`, ['1-a'])))
      const feed = whole ? database : database.ofType('lap')
      const numbers = (after: number, upTo: number, descending = false) =>
        feed.changes({ after, upTo, descending, limit: 5 }).map(({ n }) => n)
      t.same(numbers(0, 3), [1, 2, 3])
      t.same(numbers(0, 30), [1, 2, 3, 4, 5])
      t.same(numbers(18, 19), [19])
      t.same(numbers(20, 40), [])
      t.same(numbers(4, 2, true), [3, 2])
      t.same(numbers(Number.POSITIVE_INFINITY, 19, true), [20, 19])
      t.same(numbers(2, -10, true), [1])
      const named = { ids: new Set(['lap:3', 'lap:9', 'run:1']), limit: 5 }
      t.same(
        feed.changes({ ...named, after: 0, upTo: 9 }).map(({ n }) => n),
        [4],
      )
      t.same(feed.changes({ ...named, after: 18, upTo: 19 }), [])
      t.same(
        feed.changes({ ...named, after: 11, upTo: 5, descending: true }).map(({ n }) => n),
        [10],
      )
    }
  })

  await t.test('a full page of documents passes over none', async t => {
    const database = await newDatabase()
    const body = JSON.stringify({ text: 'x'.repeat(600_000) })
    const all = ['lap', 'lap:1', 'lap:2', 'lap:3']
    await database.write([...all, 'lap!'].map(id => interactive(id, undefined, { body })))
    const laps = database.ofType('lap')
    t.same(ids(laps, { withBodies: true }), all)
    t.same(ids(laps, { withBodies: true, descending: true }), all.toReversed())
  })

  await t.test('lists and counts are those of a plain filter, whatever was written', async t => {
    const random = seededRandom(t)
    for (let round = 0; round < rounds(2, 60); round++) {
      const database = await newDatabase()
      await writeSome(database, random)
      for (const type of TYPES) compare(t, { database, type, random })
    }
  })

  await t.test('counts are the same by whichever way they are made', async t => {
    const database = await newDatabase()
    const of = (type: string, from: number, count: number) =>
      Array.from({ length: count }, (_, i) => replicated(`${type}:${from + i}`, ['1-a']))
    await database.write([
      ...of('lap', 0, 30),
      ...of('run', 0, 1500),
      ...of('lap', 30, 10),
      ...of('run', 1500, 800),
    ])
    for (const type of ['lap', 'run', 'none']) {
      const view = database.ofType(type)
      const rows = view.changes({ after: 0, limit: 9999 })
      for (const n of [0, 1, 29, 30, 31, 700, 1530, 1535, 1540, 2339, 2340, 9999]) {
        t.equal(view.pending(n), rows.filter(row => row.n > n).length, `${type} after ${n}`)
        t.equal(view.pending(n, true), rows.filter(row => row.n < n).length, `${type} before ${n}`)
      }
    }
  })
}

/** The ids of a range, page by page: only an empty page is its end. */
function ids(database: Database, query: Partial<DocsQuery>): string[] {
  const found: string[] = []
  for (;;) {
    const after = found.length > 0 ? { startKey: found.at(-1), inclusiveStart: false } : {}
    const page = database.docs({ limit: 100, withBodies: false, ...query, ...after })
    if (page.length === 0) return found
    found.push(...page.map(({ id }) => id))
  }
}

/** Prefixes of each other, and what the order of UTF-8 and UTF-16 puts differently. */
const TYPES = ['a', 'ab', 'a-b', 'é', '\uffee', '😀']
const TAILS = ['', ':', ':1', ':2', ':\0', ':😀', ':\uffee', '!', ';', '\0', '-b:1', 'b']

async function writeSome(database: Database, random: SeededRandom): Promise<void> {
  for (let i = 0; i < 80; i++) {
    const id = random.pick(TYPES) + random.pick(TAILS)
    const known = database.doc(id)?.tree.winner
    const parent = known?.deleted === false ? known.rev : undefined
    const deleted = parent !== undefined && random.chance(0.3)
    if (random.chance(0.1)) await writeOne(database, replicated(id, [`1-${random.below(9)}`]))
    else await writeOne(database, interactive(id, parent, { deleted }))
  }
}

type Compared = { readonly database: Database; readonly type: string; readonly random: SeededRandom }

function compare(t: Test, { database, type, random }: Compared): void {
  const view = database.ofType(type)
  const isOurs = ({ id }: { readonly id: string }) => id === type || id.startsWith(`${type}:`)
  const all = { limit: 9999, withBodies: false }
  const { updateSeq } = database.facts()
  for (let i = 0; i < 20; i++) {
    const descending = random.chance(0.5)
    const after = random.chance(0.2) && descending ? Number.POSITIVE_INFINITY : random.below(updateSeq + 2)
    const limit = random.below(6)
    const last = random.below(10)
    const feed = {
      after,
      descending,
      withBodies: random.chance(0.5),
      upTo: descending ? updateSeq - last : last,
    }
    const rows = database.changes({ ...feed, limit: 9999 }).filter(isOurs)
    t.same(view.changes({ ...feed, limit }), rows.slice(0, limit), JSON.stringify({ type, ...feed, limit }))
    const rest = database.changes({ after, descending, limit: 9999 }).filter(isOurs)
    if (Number.isFinite(after)) t.equal(view.pending(after, descending), rest.length)
    const name = () => random.pick(TYPES) + random.pick(TAILS)
    const ids = new Set(Array.from({ length: random.below(30) }, name))
    const named = database.changes({ ...feed, limit: 9999 }).filter(({ id }) => ids.has(id))
    t.same(database.changes({ ...feed, ids, limit }), named.slice(0, limit))
    t.same(view.changes({ ...feed, ids, limit }), named.filter(isOurs).slice(0, limit))

    const key = () => (random.chance(0.3) ? undefined : random.pick(TYPES) + random.pick(TAILS))
    const range = {
      startKey: key(),
      endKey: key(),
      inclusiveStart: random.chance(0.5),
      inclusiveEnd: random.chance(0.5),
      descending,
      withBodies: random.chance(0.5),
    }
    const skip = random.below(4)
    const docs = database.docs({ ...all, ...range }).filter(isOurs)
    const page = view.docs({ ...range, skip, limit })
    t.same(page, docs.slice(skip, skip + page.length), JSON.stringify({ type, ...range, skip, limit }))
    t.ok(page.length > 0 || limit === 0 || docs.length <= skip, 'no page is empty before the end')
    t.ok(page.length <= limit)
    const { startKey } = range
    const before = { ...all, startKey, inclusiveStart: false, descending: !descending }
    const offset = startKey === undefined ? 0 : database.docs(before).filter(isOurs).length
    t.equal(view.offset({ startKey, descending }), offset)
  }
  const live = database.docs(all).filter(isOurs).length
  const everything = database.changes({ after: 0, limit: 9999 }).filter(isOurs).length
  const { docCount, docDelCount } = view.facts()
  t.same([docCount, docDelCount], [live, everything - live])
}
