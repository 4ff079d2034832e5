import t from 'tap'
import { MemoryGate } from '../../../server/http/memory-gate.ts'

const MIB = 1024 * 1024
const { signal } = new AbortController()

/** Notes who is in, in the order in which they came in. */
function visitors(gate: MemoryGate) {
  const inside: string[] = []
  const enter = async (name: string, mib: number, until = signal) => {
    const leave = await gate.enter(mib * MIB, until)
    inside.push(name)
    return leave
  }
  return { inside, enter }
}

t.test('only so many bytes are inside, and who came first goes first', async t => {
  const { inside, enter } = visitors(new MemoryGate(10 * MIB))
  const a = await enter('a', 6)
  const b = enter('b', 6)
  const c = enter('c', 3)
  await enter('light', 1)
  t.same(inside, ['a', 'light'], 'c would fit, and waits behind b')
  a()
  a()
  const leaveB = await b
  await c
  t.same(inside, ['a', 'light', 'b', 'c'], 'leaving twice is leaving once')
  const d = enter('d', 2)
  leaveB()
  await d
})

t.test('one that is larger than all the room goes alone', async t => {
  const { inside, enter } = visitors(new MemoryGate(10 * MIB))
  const small = await enter('small', 2)
  const huge = enter('huge', 50)
  const late = enter('late', 2)
  t.same(inside, ['small'])
  small()
  const leave = await huge
  t.same(inside, ['small', 'huge'])
  leave()
  await late
})

t.test('who gives up leaves the queue', async t => {
  const { inside, enter } = visitors(new MemoryGate(10 * MIB))
  const leave = await enter('a', 8)
  const gone = new AbortController()
  const b = enter('b', 10, gone.signal)
  const c = enter('c', 2)
  gone.abort(new Error('gone'))
  await t.rejects(b, { message: 'gone' })
  await c
  t.same(inside, ['a', 'c'], 'those behind it are let in')
  await t.rejects(enter('d', 5, gone.signal), { message: 'gone' })
  leave()
  await enter('e', 5, gone.signal)
  t.same(inside, ['a', 'c', 'e'], 'who need not wait is not asked')
})

t.test('half of the room is the most that one caller takes; his only one may be larger', async t => {
  const gate = new MemoryGate(10 * MIB)
  const inside: string[] = []
  const enter = async (caller: string, mib: number) => {
    const leave = await gate.enter(mib * MIB, signal, caller)
    inside.push(`${caller} ${mib}`)
    return leave
  }
  const large = await enter('anna', 4)
  const second = enter('anna', 3)
  const other = await enter('bert', 5)
  t.same(inside, ['anna 4', 'bert 5'], 'who waits for himself holds up nobody')
  large()
  const leaveSecond = await second
  other()
  leaveSecond()
  await enter('anna', 9)
  t.same(inside, ['anna 4', 'bert 5', 'anna 3', 'anna 9'])
})
