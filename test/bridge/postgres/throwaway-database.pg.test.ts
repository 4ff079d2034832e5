import pg from 'pg'
import t from 'tap'
import { throwawayDatabase } from '../../fixtures/throwaway-database.ts'

t.test('every test gets an empty database of its own', async t => {
  const urls = [await throwawayDatabase(t), await throwawayDatabase(t)]
  t.not(urls[0], urls[1])
  for (const url of urls) {
    const client = new pg.Client(url)
    await client.connect()
    const { rows } = await client.query(
      "select count(*)::int as tables from pg_tables where schemaname = 'public'",
    )
    t.equal(rows[0].tables, 0)
    await client.query('create table met (id int)')
    await client.end()
  }
})

t.test('the database is gone after the test, even with sessions open', async t => {
  let url = ''
  await t.test('a test that leaves a session behind', async t => {
    url = await throwawayDatabase(t)
    const forgotten = new pg.Client(url)
    forgotten.on('error', () => {})
    await forgotten.connect()
  })
  await t.rejects(new pg.Client(url).connect(), { code: '3D000' })
})
