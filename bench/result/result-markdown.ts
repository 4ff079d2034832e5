import type { Measured } from '../measured.ts'
import { seriesTable } from '../series/series-table.ts'
import { clientText } from './client-text.ts'
import { durabilityText } from './durability-text.ts'
import type { Result } from './result.ts'
import { remarksOf, serverTable, textOf } from './server-table.ts'

/** A machine that had more to do than this before we came was not ours alone. */
const BUSY_LOAD = 0.5

/** What a run found, as a page: ratios first. */
export function resultMarkdown(result: Result, plotFolder: string): string {
  const { rows, peer, durability, bridge } = result
  const parts = [
    introduction(result),
    [...durabilityText(durability, peer), ...clientText(rows)].map(line => `- ${line}`).join('\n'),
    rows.length === 0 ? '' : markdownTable(serverTable(rows, peer)),
    rows
      .map(comparison => ({ title: comparison.row.title, remarks: remarksOf(comparison) }))
      .filter(({ remarks }) => remarks !== '')
      .map(({ title, remarks }) => `- *${title}*: ${remarks}`)
      .join('\n'),
    ...pictures(result, plotFolder),
    bridge.length === 0 ? '' : bridgeTable(bridge),
  ]
  return parts.filter(part => part !== '').join('\n\n')
}

function introduction({ when, form, repeats, machine, peer }: Result): string {
  const others = machine.loadBefore > BUSY_LOAD
  const load = others
    ? ` It was busy with other work (load ${machine.loadBefore.toFixed(1)} when the run began): ratios by the clock are rough, those by processor time are better.`
    : ''
  const beside = peer === undefined ? '' : `, beside ${peer}`
  return `${when.slice(0, 10)}, ${form} form, ${repeats === 1 ? 'one run' : `${repeats} runs`}${beside}, Node ${machine.node}, ${machine.cores} shared cores that client and servers had to divide, ${machine.memoryGb} GB.${load}`
}

function pictures({ series }: Result, plotFolder: string): string[] {
  return series.flatMap(({ key, ended }) => {
    const title = seriesTable.find(described => described.key === key)?.title ?? key
    const remarks = ended.map(text => `Ended: ${text}.`).join(' ')
    return [`![${title}](${plotFolder}/${key}.svg)`, remarks]
  })
}

function bridgeTable(bridge: readonly Measured[]): string {
  const cells = bridge.map(({ name, value, unit, goal }) => [name.trim(), textOf(value), unit, goal ?? ''])
  return markdownTable([['bridge', 'measured', 'unit', 'goal'], ...cells])
}

function markdownTable([headings = [], ...lines]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(headings), line(headings.map(() => '---')), ...lines.map(line)].join('\n')
}
