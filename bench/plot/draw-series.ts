import type { Point, SeriesResult } from '../compare-series.ts'
import type { Series } from '../series/series.ts'
import { drawPanel, PANEL_HEIGHT, PANEL_WIDTH } from './panel.ts'
import { element, escaped } from './svg.ts'

const HEADER = 44
const FONT = 'font-family:sans-serif;font-size:11px'
const OURS = '#2563eb'
const PEER = '#d97706'

/** A picture of a series: a panel for each line, with a curve for each server. */
export function drawSeries(series: Series, result: SeriesResult, peerName: string | undefined): string {
  const amounts = [...new Set([...result.ours, ...result.peer].map(point => point.amount))].sort(
    (a, b) => a - b,
  )
  const panels = series.lines.map(({ name, unit }, place) => {
    const valuesOf = (points: readonly Point[]) =>
      amounts.map(amount => numberOf(points.find(point => point.amount === amount)?.values[place]))
    const curves = [
      { color: PEER, values: valuesOf(result.peer) },
      { color: OURS, values: valuesOf(result.ours) },
    ]
    const panel = drawPanel({ title: unit === '' ? name : `${name}, ${unit}`, amounts, curves })
    return element('g', { transform: `translate(${PANEL_WIDTH * place} ${HEADER})` }, panel)
  })
  const width = PANEL_WIDTH * panels.length
  const height = HEADER + PANEL_HEIGHT
  return `${element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, style: FONT },
    element('title', {}, escaped(series.title)),
    element('rect', { width, height, fill: 'white' }),
    element('text', { x: 12, y: 20, 'font-size': 14, 'font-weight': 'bold' }, escaped(series.title)),
    element('text', { x: 12, y: 38, fill: OURS }, 'divan'),
    peerName === undefined ? '' : element('text', { x: 60, y: 38, fill: PEER }, escaped(peerName)),
    ...panels,
  )}\n`
}

/** JSON writes NaN as null. */
function numberOf(value: number | null | undefined): number {
  return value ?? Number.NaN
}
