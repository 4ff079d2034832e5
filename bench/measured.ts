/** One line of the benchmark's table. */
export type Measured = {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly goal?: string | undefined
}

/** The lines as a table for people. */
export function tableOf(lines: readonly Measured[]): string {
  const cells = lines.map(({ name, value, unit, goal }) => [name, textOf(value), unit, goal ?? ''])
  const width = (column: number) => Math.max(...cells.map(line => (line[column] ?? '').length))
  const [names, values, units] = [width(0), width(1), width(2)]
  return cells
    .map(([name = '', value = '', unit = '', goal = '']) =>
      `${name.padEnd(names)}  ${value.padStart(values)} ${unit.padEnd(units)}  ${goal === '' ? '' : `goal: ${goal}`}`.trimEnd(),
    )
    .join('\n')
}

function textOf(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1)
}

/** The value below which this share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}
