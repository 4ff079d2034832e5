import t from 'tap'
import { FeedQuota } from '../../../server/couch/feed-quota.ts'

t.test('feeds beyond the quota of a token wait only shortly', async t => {
  const quota = new FeedQuota(2, 500)
  t.equal(quota.enter('a', undefined), undefined)
  t.equal(quota.enter('a', 60_000), 60_000)
  t.equal(quota.enter('a', undefined), 500)
  t.equal(quota.enter('a', 100), 100, 'a shorter wish is granted')
  t.equal(quota.enter('b', undefined), undefined, 'another token has its own')
  for (let i = 0; i < 3; i++) quota.leave('a')
  t.equal(quota.enter('a', undefined), undefined, 'there is room again')
})
