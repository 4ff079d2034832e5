import { element, escaped } from './svg.ts'

/** One curve: values at some of the panel's amounts, in their order. */
export type Curve = { readonly color: string; readonly values: readonly number[] }
export type Panel = {
  readonly title: string
  readonly amounts: readonly number[]
  readonly curves: readonly Curve[]
}

export const PANEL_WIDTH = 300
export const PANEL_HEIGHT = 230
const LEFT = 52
const RIGHT = 14
const TOP = 34
const BOTTOM = 34
const GRAY = '#888'

/** Amounts stand side by side at the same distance; values on a scale of powers of ten, so that a straight line upwards is a power. */
export function drawPanel({ title, amounts, curves }: Panel): string {
  const values = curves.flatMap(curve => curve.values).filter(value => Number.isFinite(value) && value > 0)
  const low = Math.floor(Math.log10(Math.min(...values, 1e9)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values, 1e-9))))
  const x = (place: number) => LEFT + ((PANEL_WIDTH - LEFT - RIGHT) * (place + 0.5)) / amounts.length
  const y = (value: number) =>
    PANEL_HEIGHT - BOTTOM - ((PANEL_HEIGHT - TOP - BOTTOM) * (Math.log10(value) - low)) / (high - low)
  const heading = element('text', { x: LEFT, y: 18, 'font-weight': 'bold' }, escaped(title))
  const lines = Array.from({ length: high - low + 1 }, (_, step) => gridLine(10 ** (low + step), y))
  const labels = amounts.map((amount, place) =>
    element(
      'text',
      { x: x(place), y: PANEL_HEIGHT - 14, 'text-anchor': 'middle', fill: GRAY },
      shortText(amount),
    ),
  )
  return [heading, ...lines, ...labels, ...curves.map(curve => drawCurve(curve, x, y))].join('\n')
}

function gridLine(value: number, y: (value: number) => number): string {
  const at = y(value)
  const line = { x1: LEFT, x2: PANEL_WIDTH - RIGHT, y1: at, y2: at, stroke: GRAY, 'stroke-opacity': 0.35 }
  const label = { x: LEFT - 6, y: at + 4, 'text-anchor': 'end', fill: GRAY }
  return element('line', line) + element('text', label, shortText(value))
}

function drawCurve(
  { color, values }: Curve,
  x: (place: number) => number,
  y: (value: number) => number,
): string {
  const points = values.flatMap((value, place) =>
    Number.isFinite(value) && value > 0 ? [{ x: x(place), y: y(value), value }] : [],
  )
  const path = points.map(point => `${point.x.toFixed(1)},${point.y.toFixed(1)}`).join(' ')
  const dots = points.map(point =>
    element(
      'circle',
      { cx: point.x.toFixed(1), cy: point.y.toFixed(1), r: 3, fill: color },
      element('title', {}, point.value.toPrecision(3)),
    ),
  )
  return element('polyline', { points: path, fill: 'none', stroke: color, 'stroke-width': 2 }) + dots.join('')
}

/** 1k, 1M: as short as an axis needs it. */
function shortText(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`
  if (value >= 1e3) return `${value / 1e3}k`
  return String(Number(value.toPrecision(1)))
}
