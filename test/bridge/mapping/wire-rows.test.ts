import t from 'tap'
import { oidOf, WireRows } from '../../../bridge/mapping/wire-rows.ts'

/** What can stand in a column. */
const values: { readonly [kind: string]: (rows: WireRows) => void } = {
  null: rows => rows.null(oidOf('text')),
  true: rows => rows.boolean(true),
  false: rows => rows.boolean(false),
  integer: rows => rows.integer(-123_456_789),
  long: rows => rows.long(Number.MIN_SAFE_INTEGER),
  float: rows => rows.float(-0.1),
  time: rows => rows.time(Date.UTC(2026, 1, 3, 4, 5, 6, 7)),
  uuid: rows => rows.uuid('0f1e2d3c-4b5a-4697-a8b9-cadbecfd0e1f'),
  text: rows => rows.text(oidOf('text'), 'Bench press'),
  'wide text': rows => rows.text(oidOf('text'), 'Bankdrücken 💪'),
}

const ROW_HEAD = 8
const ARRAY_HEAD = 20

/** Some values, without what stands before those of a row. */
function bytesOf(write: (rows: WireRows) => void, count: number): Buffer {
  const rows = new WireRows()
  rows.begin(count)
  for (let index = 0; index < count; index++) write(rows)
  rows.end()
  return rows.array(0, 0, 1).subarray(ARRAY_HEAD + ROW_HEAD)
}

// A byte that is set where the buffer was, not where it is, leaves what happened to be in that memory.
t.test('whichever value makes the rows need more room is written whole', async t => {
  for (const [kind, write] of Object.entries(values)) {
    const one = bytesOf(write, 1)
    const count = Math.ceil(300_000 / one.length)
    const expected = Buffer.concat(Array.from({ length: count }, () => one))
    t.ok(bytesOf(write, count).equals(expected), kind)
  }
})
