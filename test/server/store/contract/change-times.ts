import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Database } from '../../../../server/store/store.ts'
import { interactive, type Subject, store as storeOne } from './subject.ts'

/** A `since` that is a time: all changes at or after it, none missing. */
export async function changeTimesSuite(t: Test, { newDatabase }: Subject): Promise<void> {
  await t.test('a time leads to the last change before it', async t => {
    const database = await newDatabase()
    t.same(database.place('2020-01-01T00:00:00Z'), { n: 0, rewound: false }, 'in an empty database')
    await writeWithPauses(database)
    const rows = database.changes({ after: 0, limit: 1000 })
    t.ok(new Set(rows.map(({ time }) => time)).size > 5, 'changes of many moments')
    for (const { time } of rows) {
      for (const ms of [time - 1, time, time + 1]) {
        const before = rows.filter(row => row.time < ms).at(-1)?.n ?? 0
        t.same(database.place(new Date(ms).toISOString()), { n: before, rewound: false })
      }
    }
  })

  await t.test('times before all changes, after all, and none', async t => {
    const database = await newDatabase()
    await storeOne(database, interactive('a'))
    t.same(database.place('1970-01-01T00:00:00Z'), { n: 0, rewound: false })
    t.same(database.place('9999-12-31T23:59:59Z'), { n: 1, rewound: false })
    t.same(database.place('2026-02-30T00:00:00Z'), { n: 0, rewound: true }, 'no time, so nobody issued it')
  })
}

/** Many documents, some of them rewritten, so that numbers are missing; several share their moment. */
async function writeWithPauses(database: Database): Promise<void> {
  for (let round = 0; round < 12; round++) {
    const ids = Array.from({ length: 7 }, (_, i) => `doc-${(round * 5 + i) % 40}`)
    const edits = ids.map(id => interactive(id, database.doc(id)?.tree.winner.rev))
    await database.write(edits)
    await sleep(round % 3)
  }
}
