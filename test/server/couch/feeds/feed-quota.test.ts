import t from 'tap'
import { FeedQuota } from '../../../../server/couch/feeds/feed-quota.ts'

t.test('feeds beyond the quota of a token live only shortly', async t => {
  const quota = new FeedQuota(2, 500)
  t.equal(quota.enter('a'), undefined)
  t.equal(quota.enter('a'), undefined)
  t.equal(quota.enter('a'), 500)
  t.equal(quota.enter('b'), undefined, 'another token has its own')
  for (let i = 0; i < 3; i++) quota.leave('a')
  t.equal(quota.enter('a'), undefined, 'there is room again')
})
