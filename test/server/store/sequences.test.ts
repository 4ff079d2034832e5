import t from 'tap'
import {
  formatSequence,
  type Incarnations,
  isSequence,
  placeOf,
  timeOf,
} from '../../../server/store/sequences.ts'
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

const NOON = Date.UTC(2026, 1, 28, 12)
type TimeCase = { readonly text: string; readonly time: number | undefined }

const TIMES: readonly TimeCase[] = [
  { text: '2026-02-28T12:00:00Z', time: NOON },
  { text: '2026-02-28t12:00:00z', time: NOON },
  { text: '2026-02-28T14:00:00+02:00', time: NOON },
  { text: '2026-02-28T06:30:00-05:30', time: NOON },
  { text: '2026-03-01T11:59:00+23:59', time: NOON },
  { text: '2026-02-28T12:00:00-00:00', time: NOON },
  { text: '2026-02-28T12:00:00.5Z', time: NOON + 500 },
  { text: '2026-02-28T12:00:00.0019999Z', time: NOON + 1 },
  { text: '2016-12-31T23:59:60Z', time: Date.UTC(2016, 11, 31, 23, 59, 59) },
  { text: '2024-02-29T00:00:00Z', time: Date.UTC(2024, 1, 29) },
  { text: '0000-01-01T00:00:00Z', time: Date.parse('0000-01-01T00:00:00Z') },
  { text: '2026-02-29T00:00:00Z', time: undefined },
  { text: '2026-13-01T00:00:00Z', time: undefined },
  { text: '2026-02-28T24:00:00Z', time: undefined },
  { text: '2026-02-28T12:60:00Z', time: undefined },
  { text: '2026-02-28T12:00:61Z', time: undefined },
  { text: '2026-02-28T12:00:00', time: undefined },
  { text: '2026-02-28T12:00:00.Z', time: undefined },
  { text: '2026-02-28T12:00:00+24:00', time: undefined },
  { text: '2026-02-28T12:00:00+0200', time: undefined },
  { text: '2026-02-28', time: undefined },
  { text: '12-abc', time: undefined },
  { text: 'now', time: undefined },
]

t.test('a time is read as RFC 3339 writes it', async t => {
  for (const { text, time } of TIMES) t.equal(timeOf(text), time, text)
})

t.test('what has the form of a sequence is told from what has not', async t => {
  for (const since of ['0-a', '12-abc', '999999999999999-0']) t.ok(isSequence(since), since)
  for (const since of ['', '0', 'now', '12', '12-', '12-g1AAAA', '-1-a', '2026-02-28T12:00:00Z'])
    t.notOk(isSequence(since), since)
})
