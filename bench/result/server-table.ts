import { type Comparison, medianOf, type RowText, ratios, spreadOf } from '../comparison.ts'
import { median } from '../measured.ts'
import type { Sample } from '../rows/row.ts'

/** Of one core: above this, it was the client that was measured. */
export const CLIENT_LIMIT = 0.85

const HEADINGS = [
  'work',
  'ours is',
  'goal',
  'ours',
  'peer',
  'unit',
  'ours (spread)',
  'peer (spread)',
  'by processor time',
  'server s/1000, ours',
  'peer',
  'RSS MB, ours',
  'peer',
  'descriptors, ours',
  'peer',
]

/** One line of cells for each row, and a line of headings. */
export function serverTable(comparisons: readonly Comparison[], peerName: string | undefined): string[][] {
  return [HEADINGS, ...comparisons.map(comparison => cellsOf(comparison, peerName))]
}

function cellsOf(comparison: Comparison, peerName: string | undefined): string[] {
  const { row, ours, peer } = comparison
  const value = (sample: Sample) => sample.value
  const all = ratios(comparison)
  return [
    row.title,
    all.length === 0 ? '' : `${textOf(median(all))} ×`,
    goalText(comparison, peerName, all),
    textOf(medianOf(ours, value)),
    textOf(medianOf(peer, value)),
    row.unit,
    spreadText(ours),
    spreadText(peer),
    costRatioText(comparison),
    ...pair(comparison, sample => sample.serverSeconds),
    ...pair(comparison, sample => sample.residentMb),
    ...pair(comparison, sample => sample.descriptors),
  ]
}

/** As a multiple of the peer, of which kind it is. */
export function relativeGoal({ goal }: RowText, peerName: string | undefined): number | undefined {
  if (goal === undefined || 'atMost' in goal) return undefined
  if (peerName === 'express-pouchdb') return goal.ofExpressPouchdb
  return peerName === 'couchdb' ? goal.ofCouch : undefined
}

function goalText({ row, ours }: Comparison, peerName: string | undefined, all: readonly number[]): string {
  const relative = relativeGoal(row, peerName)
  if (relative !== undefined) return `≥ ${relative} × ${metText(median(all) >= relative)}`
  if (row.goal === undefined || !('atMost' in row.goal)) return ''
  const { atMost } = row.goal
  const value = medianOf(ours, sample => sample.value)
  const limit = `≤ ${atMost} ${row.unit}`.trim()
  return `${limit} ${metText(value !== undefined && value <= atMost)}`
}

function metText(isMet: boolean): string {
  return isMet ? 'met' : 'not yet'
}

function pair({ ours, peer }: Comparison, pick: (sample: Sample) => number | undefined): string[] {
  return [textOf(medianOf(ours, pick)), textOf(medianOf(peer, pick))]
}

/** By processor time: on a busy machine it says more than the clock. */
function costRatioText({ ours, peer }: Comparison): string {
  const cost = (samples: readonly Sample[]) => medianOf(samples, sample => sample.serverSeconds)
  const [our, other] = [cost(ours), cost(peer)]
  return our === undefined || other === undefined ? '' : `${textOf(other / our)} ×`
}

/** What there is to say of a row besides its numbers, perhaps nothing. */
export function remarksOf({ ours, peer }: Comparison): string {
  const limited = (samples: readonly Sample[]) =>
    (medianOf(samples, sample => sample.clientShare) ?? 0) > CLIENT_LIMIT
  return [
    partsText('', ours),
    partsText('peer: ', peer),
    limited(ours) ? 'ours: the client is the limit' : '',
    limited(peer) ? 'peer: the client is the limit' : '',
  ]
    .filter(text => text !== '')
    .join('; ')
}

/** What the value is made of, in each run's middle. */
function partsText(prefix: string, samples: readonly Sample[]): string {
  const names = Object.keys(samples[0]?.parts ?? {})
  if (names.length === 0) return ''
  return (
    prefix +
    names.map(name => `${name} ${textOf(medianOf(samples, sample => sample.parts?.[name]))}`).join(', ')
  )
}

function spreadText(samples: readonly Sample[]): string {
  if (samples.length < 2) return ''
  return spreadOf(samples.map(sample => sample.value))
    .map(textOf)
    .join('–')
}

/** A number as people read it. */
export function textOf(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return ''
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return Number.isInteger(value) || Math.abs(value) >= 10 ? value.toFixed(0) : value.toPrecision(2)
}

/** Cells below one another, for a terminal. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map(line => line[column]?.length ?? 0)),
  )
  return lines
    .map(line =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
