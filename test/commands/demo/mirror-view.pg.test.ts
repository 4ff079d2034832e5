import { randomUUID } from 'node:crypto'
import t from 'tap'
import { MirrorView } from '../../../commands/demo/mirror-view.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { privatePostgres } from '../../fixtures/private-postgres.ts'

t.test('a Postgres that is started again is waited for', async t => {
  const first = await privatePostgres(t)
  const mirror = new MirrorView(first.url, randomUUID())
  let looks = 0
  let isBack = false
  const arrival = mirror.waitUntil(
    () => isBack,
    () => void looks++,
  )
  await eventually(() => looks > 0, 'a first look')
  await first.close()
  const second = await privatePostgres(t, first.folder)
  t.equal(second.url, first.url)
  isBack = true
  t.match(await arrival, { hasArrived: true })
})

t.test('a Postgres that was never there is a mistake, told at once', async t => {
  const mirror = new MirrorView('postgres://divan@127.0.0.1:1/divan', randomUUID())
  await t.rejects(mirror.summary(), {
    name: 'OperatorError',
    message: /^Postgres cannot be read: .*ECONNREFUSED/,
  })
})
