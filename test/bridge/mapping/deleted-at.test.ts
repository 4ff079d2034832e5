import t from 'tap'
import { deletedAtOf } from '../../../bridge/mapping/deleted-at.ts'

t.test('a tombstone tells when it was deleted, if it can', async t => {
  t.equal(deletedAtOf({ _deleted: true, deletedAt: 5 }, 99), 5)
  const others: readonly unknown[] = [
    undefined,
    null,
    {},
    [],
    { deletedAt: null },
    { deletedAt: '5' },
    { deletedAt: 1.5 },
  ]
  for (const tombstone of others) t.equal(deletedAtOf(tombstone, 99), 99)
  t.equal(deletedAtOf({ deletedAt: 1e300 }, 99), 99)
})
