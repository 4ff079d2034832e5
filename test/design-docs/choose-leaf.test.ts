import t from 'tap'
import { chooseLeaf, compareRevs, type Leaf } from '../../design-docs/choose-leaf.ts'

interface Case {
  readonly about: string
  readonly leaves: readonly Leaf[]
  readonly chosen: string | undefined
}

const CASES: readonly Case[] = [
  { about: 'no leaf', leaves: [], chosen: undefined },
  { about: 'one leaf', leaves: [{ _rev: '1-a' }], chosen: '1-a' },
  { about: 'only tombstones', leaves: [{ _rev: '2-a', _deleted: true, updatedAt: 9 }], chosen: undefined },
  {
    about: 'the newest, though its history is shorter',
    leaves: [
      { _rev: '9-f', updatedAt: 1 },
      { _rev: '1-a', updatedAt: 2 },
    ],
    chosen: '1-a',
  },
  {
    about: 'a living leaf, though a tombstone is newer',
    leaves: [
      { _rev: '3-a', updatedAt: 9, _deleted: true },
      { _rev: '2-a', updatedAt: 1 },
    ],
    chosen: '2-a',
  },
  {
    about: 'of equals the longer history, as a number',
    leaves: [
      { _rev: '10-a', updatedAt: 1 },
      { _rev: '9-f', updatedAt: 1 },
    ],
    chosen: '10-a',
  },
  {
    about: 'of equals of one length the greater text',
    leaves: [
      { _rev: '2-aa', updatedAt: 1 },
      { _rev: '2-ab', updatedAt: 1 },
      { _rev: '2-a', updatedAt: 1 },
    ],
    chosen: '2-ab',
  },
  {
    about: 'a number, though ever so old, before what is none',
    leaves: [
      { _rev: '5-f', updatedAt: '2030-01-01' },
      { _rev: '4-f', updatedAt: Number.POSITIVE_INFINITY },
      { _rev: '3-f', updatedAt: null },
      { _rev: '2-f' },
      { _rev: '1-a', updatedAt: -1e15 },
    ],
    chosen: '1-a',
  },
  {
    about: 'by rev where none has a time',
    leaves: [{ _rev: '1-b' }, { _rev: '2-a', updatedAt: 'x' }, { _rev: '1-c' }],
    chosen: '2-a',
  },
]

for (const { about, leaves, chosen } of CASES) {
  t.test(`the row shows ${about}, in whatever order the leaves come`, async t => {
    t.equal(chooseLeaf(leaves)?._rev, chosen)
    t.equal(chooseLeaf([...leaves].reverse())?._rev, chosen)
  })
}

t.test('revs are ordered as CouchDB orders them', async t => {
  const revs = ['10-0', '2-b', '9-z', '2-a', '2-ab', '1-f']
  t.same([...revs].sort(compareRevs), ['1-f', '2-a', '2-ab', '2-b', '9-z', '10-0'])
})
