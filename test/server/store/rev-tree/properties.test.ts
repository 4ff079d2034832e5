import t, { type Test } from 'tap'
import { growTree, type Tree } from '../../../../server/store/rev-tree/grow-tree.ts'
import { packTree, unpackTree } from '../../../../server/store/rev-tree/packed-tree.ts'
import { StoredTree } from '../../../../server/store/rev-tree/stored-tree.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { newSeed, randomOf, type SeededRandom } from '../../../fixtures/seeded-random.ts'
import { type MadeRev, madeRev, pathOf, randomHistory, shuffled } from './random-history.ts'

const ROUNDS = rounds(150, 5000)
const NO_LIMIT = 1000

/** Repeats a property with a seed for each round; says the seed of the one that fails. */
function holds(t: Test, property: (random: SeededRandom) => string | undefined): void {
  for (let round = 0; round < ROUNDS; round++) {
    const seed = newSeed()
    const broken = property(randomOf(seed))
    if (broken !== undefined) {
      t.fail(`DIVAN_TEST_SEED=${seed}: ${broken}`)
      return
    }
  }
  t.pass(`${ROUNDS} times`)
}

/** A peer's copy of one document. */
class Replica {
  tree: Tree | undefined
  #seq = 0
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Takes a revision with its ancestors, all or the newest of them. True if it learned something. */
  take(rev: MadeRev, depth?: number): boolean {
    const grown = growTree(
      this.tree,
      pathOf(rev, depth),
      { seq: ++this.#seq, deleted: rev.deleted },
      this.#limit,
    )
    this.tree = grown ?? this.tree
    return grown !== undefined
  }

  get stored(): StoredTree | undefined {
    return this.tree && new StoredTree(this.tree.text, this.tree)
  }

  /** The leaves with all their ancestors: what replicas share. Bodies of what is no leaf any more are not sent. */
  get names(): string {
    return JSON.stringify(this.stored?.leaves().map(leaf => [leaf, this.stored?.revisions(leaf.rev)]))
  }

  /** The history without the numbers under which bodies are stored, which each replica gives by itself. */
  get shape(): string {
    return this.tree?.text.replaceAll(/([:!])\d+/g, '$1') ?? ''
  }
}

function historyOf(random: SeededRandom): MadeRev[] {
  return randomHistory(random, 1 + random.below(25))
}

t.test('what is packed is unpacked to the same, and packed again to the same text', async t => {
  holds(t, random => {
    const replica = new Replica(random.chance(0.5) ? NO_LIMIT : 1 + random.below(6))
    for (const rev of shuffled(random, historyOf(random))) {
      replica.take(rev, random.chance(0.5) ? undefined : 1 + random.below(5))
      const text = replica.tree?.text ?? ''
      const again = packTree(unpackTree(text))
      if (again !== text) return `${text} became ${again}`
    }
    return undefined
  })
})

t.test('what is merged a second time teaches nothing', async t => {
  holds(t, random => {
    const replica = new Replica(NO_LIMIT)
    const revs = historyOf(random)
    const depths = revs.map(() => (random.chance(0.5) ? undefined : 1 + random.below(5)))
    for (const [n, rev] of revs.entries()) replica.take(rev, depths[n])
    const { shape } = replica
    for (const [n, rev] of shuffled(random, [...revs.entries()])) {
      if (replica.take(rev, depths[n])) return `${madeRev(rev)} taught something again`
    }
    return replica.shape === shape ? undefined : `${shape} became ${replica.shape}`
  })
})

t.test('replicas that replicate both ways, in any order, end with the same history', async t => {
  holds(t, random => {
    const all = historyOf(random)
    const replicas = [new Replica(NO_LIMIT), new Replica(NO_LIMIT), new Replica(NO_LIMIT)] as const
    for (const rev of shuffled(random, all)) random.pick(replicas).take(rev)
    // Rounds of pulls, as many as there are replicas: what one knows has reached all by then.
    for (let round = 0; round < replicas.length; round++) {
      for (const target of shuffled(random, replicas)) {
        for (const source of shuffled(random, replicas)) pull(random, target, source, all)
      }
    }
    const [first] = replicas
    const other = replicas.find(({ names }) => names !== first.names)
    return other && `${first.names} and ${other.names}`
  })
})

/** As a replicator does: what the source has as leaves and the target is missing, with all its ancestors. */
function pull(random: SeededRandom, target: Replica, source: Replica, all: readonly MadeRev[]): void {
  for (const { rev } of shuffled(random, source.stored?.leaves() ?? [])) {
    if (target.stored?.has(rev) === true) continue
    const made = all.find(one => madeRev(one) === rev)
    if (made !== undefined) target.take(made)
  }
}

t.test('with stemming, too, the order of branches no deeper than the limit does not matter', async t => {
  holds(t, random => {
    const revs = historyOf(random)
    const limit = Math.max(...revs.map(({ pos }) => pos))
    const one = new Replica(limit)
    const other = new Replica(limit)
    for (const rev of shuffled(random, revs)) one.take(rev)
    for (const rev of shuffled(random, revs)) other.take(rev)
    return one.shape === other.shape ? undefined : `${one.shape} and ${other.shape}`
  })
})

t.test(
  'whatever is stemmed, each leaf that came last of its branch stays, with limit - 1 ancestors',
  async t => {
    holds(t, random => {
      const limit = 1 + random.below(5)
      const revs = historyOf(random)
      const replica = new Replica(limit)
      // Parents before children, as a client makes them.
      for (const rev of revs) replica.take(rev)
      for (const leaf of revs.filter(rev => !revs.some(({ parent }) => parent === rev))) {
        const ids = replica.stored?.revisions(madeRev(leaf))?.ids ?? []
        const expected = pathOf(leaf, limit).ids
        if (expected.some((id, n) => ids[n] !== id)) return `${madeRev(leaf)}: ${ids} for ${expected}`
      }
      return undefined
    })
  },
)

t.test('what is known of a history is what a list of its revisions says', async t => {
  holds(t, random => {
    const revs = historyOf(random)
    const replica = new Replica(NO_LIMIT)
    const came = shuffled(random, revs).slice(0, 1 + random.below(revs.length))
    for (const rev of came) replica.take(rev)
    const known = new Set(came.flatMap(ancestorsOf))
    return revs.map(rev => differenceOf(replica, rev, known, new Set(came))).find(one => one !== undefined)
  })
})

function ancestorsOf(rev: MadeRev): MadeRev[] {
  return rev.parent === undefined ? [rev] : [rev, ...ancestorsOf(rev.parent)]
}

function differenceOf(
  { stored }: Replica,
  rev: MadeRev,
  known: ReadonlySet<MadeRev>,
  came: ReadonlySet<MadeRev>,
): string | undefined {
  const name = madeRev(rev)
  if (stored?.has(name) !== known.has(rev)) return `has ${name}`
  const path = known.has(rev) ? pathOf(rev) : undefined
  if (JSON.stringify(stored?.revisions(name)) !== JSON.stringify(path)) return `revisions of ${name}`
  const leaves = [...known].filter(one => ![...known].some(({ parent }) => parent === one))
  const above = leaves.filter(leaf => known.has(rev) && ancestorsOf(leaf).includes(rev)).map(madeRev)
  const found = stored?.leavesOf(name).map(leaf => leaf.rev) ?? []
  if ([...found].sort().join() !== above.sort().join()) return `leaves of ${name}: ${found} for ${above}`
  const statuses = known.has(rev) ? ancestorsOf(rev).map(one => statusOf(one, came)) : []
  const info = stored?.revsInfo(name).map(({ status }) => status) ?? []
  return info.join() === statuses.join() ? undefined : `what is stored of ${name}: ${info} for ${statuses}`
}

function statusOf(rev: MadeRev, came: ReadonlySet<MadeRev>): string {
  if (!came.has(rev)) return 'missing'
  return rev.deleted ? 'deleted' : 'available'
}
