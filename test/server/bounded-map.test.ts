import t from 'tap'
import { BoundedMap } from '../../server/bounded-map.ts'

t.test('it holds so many, and what was used longest ago makes room', async t => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  t.equal(map.get('a'), 1)
  map.set('c', 3)
  t.equal(map.get('b'), undefined)
  t.equal(map.get('a'), 1)
  t.equal(map.get('c'), 3)
  t.equal(map.size, 2)
})

t.test('setting one again replaces it and pushes out no other', async t => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.set('b', 3)
  t.equal(map.get('a'), 1)
  t.equal(map.get('b'), 3)
  map.delete('b')
  t.equal(map.get('b'), undefined)
  for (let i = 0; i < 1000; i++) map.set(`${i}`, i)
  t.equal(map.size, 2)
})
