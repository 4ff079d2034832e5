/**
 * A time as text that Postgres reads exactly, whatever its settings. `Date.prototype.toISOString` writes years
 * before 1 and after 9999 with a sign, which Postgres does not read; it wants `BC`, and more digits.
 */
export function timestamptzText(epochMs: number): string {
  const date = new Date(epochMs)
  const year = date.getUTCFullYear()
  const [, monthToMs] = /(-\d\d-\d\dT.*)$/.exec(date.toISOString()) ?? []
  const yearText = String(year > 0 ? year : 1 - year).padStart(4, '0')
  return `${yearText}${monthToMs}${year > 0 ? '' : ' BC'}`
}
