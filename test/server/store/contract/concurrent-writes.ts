import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { interactive, replicated, type Subject, store, writeOne } from './subject.ts'

/** Many writers at once share commits and do not disturb each other. */
export async function concurrentWritesSuite(
  t: Test,
  { newDatabase, store: subjectStore }: Subject,
): Promise<void> {
  await t.test('many writers of many databases are all acknowledged, and all is there', async t => {
    const databases = await Promise.all(Array.from({ length: 20 }, newDatabase))
    await Promise.all(
      databases.flatMap(database => range(30).map(n => store(database, interactive(`doc${n}`)))),
    )
    for (const database of databases) {
      t.match(database.facts(), { docCount: 30, updateSeq: 30 })
      const numbers = database.changes({ after: 0, limit: 100 }).map(({ n }) => n)
      t.same(
        numbers,
        range(30).map(n => n + 1),
        'no number is issued twice or left out',
      )
    }
  })

  await t.test('of many edits on the same rev exactly one wins', async t => {
    const database = await newDatabase()
    const parent = await store(database, interactive('a'))
    const edits = range(50).map(n => interactive('a', parent, { body: `{"n":${n}}` }))
    const outcomes = await Promise.all(edits.map(edit => writeOne(database, edit)))
    t.equal(outcomes.filter(({ ok }) => ok).length, 1)
    t.equal(database.facts().updateSeq, 2)
  })

  await t.test('a read sees every write that was acknowledged before it', async t => {
    const database = await newDatabase()
    await Promise.all(
      range(20).map(async writer => {
        for (let n = 0; n < 10; n++) {
          const rev = await store(database, interactive(`${writer}-${n}`))
          if (database.doc(`${writer}-${n}`)?.tree.winner.rev !== rev) t.fail('not seen')
        }
      }),
    )
    t.equal(database.facts().docCount, 200)
  })

  await t.test('a large write keeps its order and lets others in between', async t => {
    const [large, small] = [await newDatabase(), await newDatabase()]
    let isDone = false
    const writing = large.write(range(5000).map(n => replicated(`doc${n}`, ['1-a']))).finally(() => {
      isDone = true
    })
    await store(small, interactive('a'))
    t.equal(isDone, false, 'the small write did not wait for the large one')
    const outcomes = await writing
    t.same(
      outcomes.map(({ id }) => id),
      range(5000).map(n => `doc${n}`),
    )
    const page = large.changes({ after: 4990, limit: 100 })
    t.same(
      page.map(({ id }) => id),
      range(10).map(n => `doc${4990 + n}`),
    )
  })

  await t.test('expensive edits of one database do not hold up a single write of another', async t => {
    const [heavy, single] = [await newDatabase(), await newDatabase()]
    const lists = 40
    let done = 0
    const writing = range(lists).map(list =>
      heavy.write(branches(list * BRANCHES, BRANCHES)).then(outcomes => {
        done++
        return outcomes
      }),
    )
    await writing[0]
    await store(single, interactive('a'))
    t.ok(done < lists, `${done} of ${lists} lists were acknowledged before it`)
    const outcomes = (await Promise.all(writing)).flat()
    t.ok(outcomes.every(({ ok }) => ok))
    t.same(
      outcomes.map(outcome => outcome.ok && outcome.rev),
      branches(0, lists * BRANCHES).map(({ rev }) => rev),
      'outcomes are in order',
    )
    t.equal(heavy.doc('x')?.tree.leaves().length, lists * BRANCHES)
    t.equal(heavy.facts().updateSeq, lists * BRANCHES)
  })

  await t.test('two edits of a document see each other, however long the list', async t => {
    const database = await newDatabase()
    const busy = (await newDatabase()).write(branches(0, 600))
    const edits = range(1500).map(() => interactive('a'))
    const outcomes = await database.write(edits)
    t.same(
      outcomes.map(({ ok }) => ok),
      edits.map((_, n) => n === 0),
      'only the first makes it',
    )
    await busy
  })

  await t.test('what is asked of a database after a long write sees all of it', async t => {
    const database = await newDatabase()
    const writing = database.write(branches(0, 400))
    const log = database.writeLocalDoc('log', undefined, '{}')
    await log
    t.equal(database.facts().updateSeq, 400)
    await writing
  })

  await t.test('a database that is deleted in the middle of a long write refuses the rest of it', async t => {
    const [large, other] = [await newDatabase(), await newDatabase()]
    const writing = large.write(branches(0, 1500))
    const refused = writing.then(
      () => t.fail('all of it was stored'),
      error => t.equal(error.word, 'not_found'),
    )
    t.equal(await subjectStore.deleteDatabase(large.name), true)
    await refused
    await subjectStore.createDatabase(large.name)
    t.equal(subjectStore.database(large.name)?.facts().updateSeq, 0, 'and one made anew has nothing of it')
    await store(other, interactive('a'))
  })

  await t.test('listeners are called after each commit of their database, and of no other', async t => {
    const [database, other] = [await newDatabase(), await newDatabase()]
    let calls = 0
    const stops = range(3).map(() => database.onChange(() => calls++))
    const writing = store(database, interactive('a'))
    t.equal(calls, 0, 'never synchronously')
    await writing
    await turn()
    t.equal(calls, 3)
    await store(other, interactive('a'))
    await turn()
    t.equal(calls, 3)
    for (const stop of stops) stop()
    await store(database, interactive('b'))
    await turn()
    t.equal(calls, 3)
  })

  await t.test('who is called sees the change he is called for', async t => {
    const database = await newDatabase()
    const seen = new Promise<number>(resolve => {
      database.onChange(() => resolve(database.facts().updateSeq))
    })
    await store(database, interactive('a'))
    t.equal(await seen, 1)
  })
}

const BRANCHES = 25

/** Edits that each add a leaf to one document: what one costs grows with those before it. */
function branches(start: number, count: number) {
  return range(count).map(n => {
    const rev = `1-${String(start + n).padStart(32, '0')}` as const
    return { ...replicated('x', [rev]), rev }
  })
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
