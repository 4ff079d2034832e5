import t from 'tap'
import { CommandQueue } from '../../../../../server/store/sqlite/writer/command-queue.ts'
import { seededRandom } from '../../../../fixtures/seeded-random.ts'

type Command = { readonly lane: string; readonly n: number }

/** A queue with commands named like `a1`: the first of lane a. */
function queueOf(...names: readonly string[]): CommandQueue<Command> {
  const queue = new CommandQueue<Command>()
  for (const name of names) queue.add(commandOf(name))
  return queue
}

function commandOf(name: string): Command {
  return { lane: name.slice(0, 1), n: Number(name.slice(1)) }
}

function nameOf(command: Command | undefined): string {
  return command === undefined ? '' : `${command.lane}${command.n}`
}

function takeAll(queue: CommandQueue<Command>): string {
  const taken: string[] = []
  while (!queue.isEmpty) taken.push(nameOf(queue.take()))
  return taken.join(' ')
}

t.test('lanes take turns, and each keeps its order', async t => {
  t.equal(takeAll(queueOf('a1', 'a2', 'a3', 'b1', 'b2', 'c1')), 'a1 b1 c1 a2 b2 a3')
  t.equal(queueOf().take(), undefined)
})

t.test('a command that is put back is the next of its lane, after the other lanes', async t => {
  const queue = queueOf('a1', 'a2', 'b1')
  const a1 = queue.take()
  queue.putBack(a1 ?? commandOf('?0'))
  t.equal(takeAll(queue), 'b1 a1 a2')

  queue.add(commandOf('c1'))
  queue.putBack(queue.take() ?? commandOf('?0'))
  queue.add(commandOf('c2'))
  t.equal(takeAll(queue), 'c1 c2', 'also when its lane was empty meanwhile')
})

t.test('a lane that comes to life goes before those that were served already', async t => {
  const queue = queueOf('a1', 'a2', 'a3', 'b1', 'b2')
  t.equal(nameOf(queue.take()), 'a1')
  t.equal(nameOf(queue.take()), 'b1')
  queue.add(commandOf('c1'))
  queue.add(commandOf('b3'))
  t.equal(takeAll(queue), 'c1 a2 b2 a3 b3')
})

t.test('a stream of fresh lanes does not stop one that was served', async t => {
  const queue = queueOf('a1', 'a2')
  t.equal(nameOf(queue.take()), 'a1')
  let turns = 0
  for (let taken = ''; taken !== 'a2'; turns++) {
    queue.add({ lane: `fresh${turns}`, n: 1 })
    taken = nameOf(queue.take())
    if (turns > 1000) throw new Error('a2 has no turn')
  }
  t.ok(turns < 100, `its turn comes after ${turns} others`)
})

t.test('a command that is dropped is taken out, and no other', async t => {
  const queue = queueOf('a1', 'a2', 'b1')
  const a1 = queue.take() ?? commandOf('?0')
  queue.drop(a1)
  queue.putBack(a1)
  queue.drop(a1)
  queue.drop(a1)
  t.equal(takeAll(queue), 'b1 a2')
})

t.test('whatever comes and is put back, nothing is lost, doubled or out of order', async t => {
  const random = seededRandom(t)
  const queue = new CommandQueue<Command>()
  const [added, done] = [new Map<string, number>(), new Map<string, number>()]
  for (let step = 0; step < 5000; step++) {
    const lane = String.fromCharCode(97 + random.below(8))
    if (random.below(2) === 0) {
      const n = (added.get(lane) ?? 0) + 1
      added.set(lane, n)
      queue.add({ lane, n })
      continue
    }
    const taken = queue.take()
    if (taken === undefined) continue
    if (taken.n !== (done.get(taken.lane) ?? 0) + 1) throw new Error(`${nameOf(taken)} is out of order`)
    if (random.below(3) === 0) queue.putBack(taken)
    else done.set(taken.lane, taken.n)
  }
  for (let taken = queue.take(); taken; taken = queue.take()) done.set(taken.lane, taken.n)
  t.same(Object.fromEntries([...done].sort()), Object.fromEntries([...added].sort()))
})
