import t from 'tap'
import { writeLetters } from '../../bridge/dead-letter-store.ts'
import { openPool } from '../../bridge/postgres-client.ts'
import { prepareSchema } from '../../bridge/schema/migrations.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'

t.test('a long reason is cut, wherever that is in a character', async t => {
  const pool = openPool(await throwawayDatabase(t), 1)
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
})
