import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answered, inTransaction, openPool } from '../../bridge/postgres-client.ts'
import { isTooSlow } from '../../bridge/postgres-errors.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'

const pool = openPool(await throwawayDatabase(t), 1)
t.teardown(() => pool.end())

t.test(
  'a transaction that Postgres ends between two statements says why: the batch took too long',
  async t => {
    const dawdle = inTransaction(pool, async sql => {
      await sql.query(`set local idle_in_transaction_session_timeout = '50ms'`)
      await sleep(500)
      await sql.query('select 1')
    })
    const error = await dawdle.catch(error => error)
    t.equal(error.code, '25P03')
    t.equal(isTooSlow(error), true)
    const after = await inTransaction(pool, sql => sql.query('select 1 as one'))
    t.same(after.rows, [{ one: 1 }], 'and the next transaction has a connection of its own')
  },
)

t.test('of statements that fail together the one that is at fault says why, wherever it stands', async t => {
  const work = inTransaction(pool, async sql => {
    const failing = sql.query('select 1 / 0')
    return await answered([sql.query('select 1'), failing.catch(() => sql.query('select 2')), failing])
  })
  await t.rejects(work, { code: '22012' })
})
