import t from 'tap'
import { PageSizes } from '../../bridge/page-sizes.ts'

t.test('databases that nobody tells of any more are forgotten, the oldest first', async t => {
  const sizes = new PageSizes()
  for (let n = 0; n < 1500; n++) sizes.shrink(`db${n}`)
  t.equal(sizes.limit('db0', 1000), 1000)
  t.equal(sizes.limit('db499', 1000), 1000)
  t.equal(sizes.limit('db500', 1000), 250)
  t.equal(sizes.limit('db1499', 1000), 250)
})

t.test('pages that take too long become smaller until one document is left, and grow again', async t => {
  const sizes = new PageSizes()
  const seen = [sizes.limit('slow', 1000)]
  for (let i = 0; i < 6; i++) {
    sizes.shrink('slow')
    seen.push(sizes.limit('slow', 1000))
  }
  t.strictSame(seen, [1000, 250, 62, 15, 3, 1, 1])
  t.equal(sizes.limit('another', 1000), 1000)
  t.equal(sizes.limit('slow', 20), 1)
  const grown = Array.from({ length: 11 }, () => {
    sizes.grow('slow')
    return sizes.limit('slow', 1000)
  })
  t.strictSame(grown, [1, 3, 7, 15, 31, 62, 125, 250, 500, 1000, 1000])
})
