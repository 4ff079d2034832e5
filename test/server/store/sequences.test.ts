import t from 'tap'
import { formatSequence, type Incarnations, placeOf } from '../../../server/store/sequences.ts'
import type { Place } from '../../../server/store/store.ts'

const LOG: Incarnations = {
  epochs: [
    { first: 0, epoch: 'aaa' },
    { first: 11, epoch: 'bbb' },
    { first: 21, epoch: 'ccc' },
  ],
  updateSeq: 25,
}

type Case = { readonly since: string; readonly place: Place; readonly because: string }

const CASES: readonly Case[] = [
  { since: '0', place: { n: 0, rewound: false }, because: 'the beginning' },
  { since: 'now', place: { n: 25, rewound: false }, because: 'the end' },
  { since: '0-aaa', place: { n: 0, rewound: false }, because: 'the beginning of a known epoch' },
  { since: '7-aaa', place: { n: 7, rewound: false }, because: 'issued by the first epoch' },
  { since: '10-aaa', place: { n: 10, rewound: false }, because: 'the last of the first epoch' },
  { since: '11-aaa', place: { n: 10, rewound: true }, because: 'that epoch went on elsewhere from 10' },
  { since: '500-bbb', place: { n: 20, rewound: true }, because: 'that epoch went on elsewhere from 20' },
  { since: '25-ccc', place: { n: 25, rewound: false }, because: 'the last change' },
  { since: '26-ccc', place: { n: 25, rewound: true }, because: 'beyond the last change' },
  { since: '7-ddd', place: { n: 0, rewound: true }, because: 'an unknown epoch' },
  { since: '0-ddd', place: { n: 0, rewound: false }, because: 'nothing earlier than asked' },
  { since: '7', place: { n: 0, rewound: true }, because: 'a bare number names no history' },
  { since: '7-', place: { n: 0, rewound: true }, because: 'no epoch' },
  { since: '', place: { n: 0, rewound: true }, because: 'no sequence' },
  { since: '-1-aaa', place: { n: 0, rewound: true }, because: 'no number' },
  { since: '1e3-aaa', place: { n: 0, rewound: true }, because: 'no whole number' },
  { since: '99999999999999999999-aaa', place: { n: 0, rewound: true }, because: 'no number we count to' },
]

t.test('a since leads to its place', async t => {
  for (const { since, place, because } of CASES) t.same(placeOf(since, LOG), place, `${since}: ${because}`)
})

t.test('a sequence names the epoch that issued it', async t => {
  const wire = [0, 1, 10, 11, 20, 21, 25].map(n => formatSequence(n, LOG.epochs))
  t.same(wire, ['0-aaa', '1-aaa', '10-aaa', '11-bbb', '20-bbb', '21-ccc', '25-ccc'])
})

t.test('every issued sequence leads back to its number', async t => {
  for (let n = 0; n <= LOG.updateSeq; n++) {
    t.same(placeOf(formatSequence(n, LOG.epochs), LOG), { n, rewound: false })
  }
})
