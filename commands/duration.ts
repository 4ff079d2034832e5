const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 }

/** The seconds in `7d`, `12h`, `30m` or `90s`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const seconds = Number(count) * (SECONDS_OF_UNIT[unit] ?? Number.NaN)
  return seconds > 0 ? seconds : undefined
}
