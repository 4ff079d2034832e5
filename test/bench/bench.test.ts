import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Target } from '../../bench/client/target.ts'
import { drawSeries } from '../../bench/plot/draw-series.ts'
import { readResult } from '../../bench/result/read-result.ts'
import { withSection } from '../../bench/result/readme-section.ts'
import { resultMarkdown } from '../../bench/result/result-markdown.ts'
import { serverTable } from '../../bench/result/server-table.ts'
import type { Size } from '../../bench/rows/row.ts'
import { rowTable } from '../../bench/rows/row-table.ts'
import { seriesTable } from '../../bench/series/series-table.ts'
import { divan } from '../../bench/servers/divan.ts'
import { expressPouchdb } from '../../bench/servers/express-pouchdb.ts'
import type { MeasuredServer } from '../../bench/servers/measured-server.ts'
import { PROJECT_FOLDER } from '../fixtures/project-folder.ts'

/** What the benchmark does, done once and with little: nothing is measured here. */
const LITTLE: Size = {
  documents: 20,
  atLeastMs: 1,
  databases: 3,
  manyDatabases: 3,
  feeds: 3,
  singles: 5,
  slowAnswerMb: 1,
}
const FEW = 4
/** For memory to settle. */
const HAVE_TO_WAIT = ['scale-feeds']

t.test('every row and every series is work that the server does', async t => {
  const { target, close } = await divan().start()
  t.teardown(close)
  for (const row of rowTable.filter(row => row.fresh !== true && row.prepare === undefined)) {
    const { value } = await row.measure(target, LITTLE)
    t.ok(value > 0, `${row.key}: ${value}`)
  }
  for (const series of seriesTable.filter(({ key }) => !HAVE_TO_WAIT.includes(key))) {
    const values = await series.measure(target, FEW, LITTLE)
    t.equal(values.length, series.lines.length, series.key)
  }
})

t.test('the peer does the same work, and is started again with what it has', async t => {
  const server = await expressPouchdb.start()
  t.teardown(server.close)
  for (const key of ['bulk-docs-replicated', 'revs-diff', 'changes', 'changes-pages', 'bulk-get'])
    t.ok((await rowOf(key).measure(server.target, LITTLE)).value > 0, key)
  await rowOf('cold-read').prepare?.(server.target, LITTLE)
  const target = await restarted(server)
  t.ok((await rowOf('cold-read').measure(target, LITTLE)).value > 0, 'cold-read')
})

function rowOf(key: string) {
  const row = rowTable.find(row => row.key === key)
  if (row === undefined) throw new Error(`no row ${key}`)
  return row
}

async function restarted({ restart }: MeasuredServer): Promise<Target> {
  if (restart === undefined) throw new Error('this server is started by the benchmark')
  return await restart()
}

t.test('ratios are those of runs beside one another, and goals those of the peer', async t => {
  const row = {
    key: 'x',
    title: 'work',
    unit: '/s',
    better: 'more',
    goal: { ofCouch: 2, ofExpressPouchdb: 3 },
  } as const
  const runs = { ours: [{ value: 30 }, { value: 80 }], peer: [{ value: 10 }, { value: 20 }] }
  const goalBeside = (peer: string) => serverTable([{ row, ...runs }], peer)[1]?.slice(0, 3)
  t.strictSame(goalBeside('express-pouchdb'), ['work', '3.5 ×', '≥ 3 × met'])
  t.strictSame(goalBeside('couchdb'), ['work', '3.5 ×', '≥ 2 × met'])
  t.strictSame(goalBeside('the other build'), ['work', '3.5 ×', ''])
})

t.test(
  'a series is drawn with a curve for each server, over the amounts that one of them reached',
  async t => {
    const [series] = seriesTable
    if (series === undefined) throw new Error('there is no series')
    const points = [10, 100, 1000].map(amount => ({ amount, values: series.lines.map(() => amount) }))
    const result = { key: series.key, ours: points, peer: points.slice(0, 2), ended: [] }
    const picture = drawSeries(series, result, 'peer & co')
    t.equal(picture.match(/<circle/g)?.length, 5 * series.lines.length)
    t.match(picture, 'peer &amp; co')
    t.notMatch(picture, /NaN|undefined/)
  },
)

t.test('the page says what every row is, and shows the result that is kept and its pictures', async t => {
  const folder = join(PROJECT_FOLDER, 'bench')
  const page = readFileSync(join(folder, 'README.md'), 'utf8')
  const result = readResult(join(folder, 'results', 'last.json'))
  t.equal(page, withSection(page, resultMarkdown(result, 'results')))
  for (const { key } of [...rowTable, ...seriesTable]) t.match(page, `\`${key}\``)
  for (const { key } of result.series) t.ok(existsSync(join(folder, 'results', `${key}.svg`)), key)
})
