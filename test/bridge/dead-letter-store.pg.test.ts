import t from 'tap'
import { writeLetters } from '../../bridge/dead-letter-store.ts'
import { newestDeadLetters } from '../../bridge/dead-letters.ts'
import { openPool } from '../../bridge/postgres-client.ts'
import { prepareSchema } from '../../bridge/schema/migrations.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'

t.test(
  'a long reason is cut, wherever that is in a character; of many letters the newest are listed',
  async t => {
    const databaseUrl = await throwawayDatabase(t)
    const pool = openPool(databaseUrl, 1)
    t.teardown(() => pool.end())
    await prepareSchema(pool)
    const change = { seq: '1-a', revs: ['1-a'], deleted: false, doc: undefined, lastLive: undefined, time: 1 }
    const letters = [997, 998, 999, 1000].flatMap(before =>
      ['\u{1f4aa}', '\0', '\\', '\ud83d'].map((character, n) => ({
        change: { ...change, id: `session:${before}-${n}` },
        rev: '1-a',
        problem: { path: '', reason: 'x'.repeat(before) + character + 'y'.repeat(900) },
      })),
    )
    await writeLetters(pool, 'db', letters)
    const { rows } = await pool.query<{ readonly reason: string }>('select reason from divan.dead_letters')
    t.equal(rows.length, letters.length)
    for (const { reason } of rows) t.match(reason, /^x{997}/)

    const { letters: newest, count } = await newestDeadLetters(databaseUrl, 3)
    t.equal(count, letters.length)
    await pool.query(
      `update divan.dead_letters set last_failed_at = now() + interval '1 hour' where doc_id = $1`,
      [newest[0]?.docId],
    )
    const [now, ...before] = newest.map(({ docId }) => docId)
    const again = await newestDeadLetters(databaseUrl, 3)
    t.strictSame(
      again.letters.map(({ docId }) => docId),
      [...before, now],
      'of many the last that failed, the last one at the end',
    )
  },
)

t.test('a letter tells something new once: of a document that had none, or of another revision', async t => {
  const pool = openPool(await throwawayDatabase(t), 1)
  t.teardown(() => pool.end())
  await prepareSchema(pool)
  const letter = (id: string, rev: string | undefined) => ({
    change: { id, seq: '1-a', revs: [] },
    rev,
    problem: { path: '', reason: 'bad' },
  })
  const write = (...letters: readonly ReturnType<typeof letter>[]) => writeLetters(pool, 'db', letters)
  t.equal(await write(letter('a\0', '1-a'), letter('b', undefined), letter('b', '1-b')), 2)
  t.equal(await write(letter('a\0', '1-a'), letter('b', undefined)), 0)
  t.equal(await write(letter('a\0', '2-a'), letter('b', undefined), letter('c', '1-c')), 2)
  t.equal(await writeLetters(pool, 'another', [letter('b', undefined)]), 1)
})
