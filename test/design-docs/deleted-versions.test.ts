import t from 'tap'
import { deletedVersions, deletionMarks } from '../../design-docs/deleted-versions.ts'
import { gamificationStats } from '../../design-docs/entities/gamification-stats.ts'
import { record } from '../../design-docs/entities/record.ts'

t.test('a tombstone tells when it was deleted, if it can', async t => {
  t.equal(deletionMarks({ _deleted: true, deletedAt: 5 }, 99).deletedAt, 5)
  for (const deletedAt of [undefined, null, '5', 1.5, 1e300]) {
    t.equal(deletionMarks({ deletedAt }, 99).deletedAt, 99)
  }
})

t.test('a deletion is newer than what it deleted, and never later than the server took it', async t => {
  t.equal(deletionMarks({ deletedAt: 5, updatedAt: 7 }, 99).updatedAt, 7)
  t.equal(deletionMarks({ deletedAt: 5, updatedAt: 700 }, 99).updatedAt, 99)
  t.equal(deletionMarks({}, 99, 40).updatedAt, 99)
  t.equal(deletionMarks({ deletedAt: 5 }, 99, 40).updatedAt, 40)
})

t.test(
  'what the tombstone says goes first, then that over the last living version, then that version',
  async t => {
    const [tombstone, lastLive] = [{ a: 1 }, { a: 0, b: 0 }]
    const marks = { deletedAt: 9, updatedAt: 9 }
    t.strictSame(deletedVersions(record, { tombstone, lastLive, time: 9 }), [
      { a: 1, ...marks },
      { a: 1, b: 0, ...marks },
      { a: 0, b: 0, ...marks },
    ])
    const [first] = deletedVersions(gamificationStats, { tombstone, lastLive, time: 9 })
    t.strictSame(first, { a: 1, updatedAt: 9 }, 'no mark where the entity has none')
  },
)
