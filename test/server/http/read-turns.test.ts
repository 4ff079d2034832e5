import t from 'tap'
import { ReadTurns } from '../../../server/http/read-turns.ts'

t.test('one page is read in each turn of the loop, and callers take turns', async t => {
  const turns = new ReadTurns()
  const seen: string[] = []
  const read = async (caller: string, pages: number) => {
    for (let page = 1; page <= pages; page++) {
      await turns.next(caller)
      seen.push(`${caller}${page}`)
    }
  }
  let loops = 0
  let isDone = false
  const count = () => {
    if (!isDone) setImmediate(count)
    loops++
  }
  setImmediate(count)
  await Promise.all([read('a', 2), read('a', 2), read('a', 2), read('b', 2)])
  isDone = true
  t.same(seen, ['a1', 'b1', 'a1', 'b2', 'a1', 'a2', 'a2', 'a2'])
  t.ok(loops >= seen.length - 1, `${loops} turns of the loop`)
})
