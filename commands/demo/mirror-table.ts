import type { TableSummary } from '../../bridge/mirror-of-user.ts'

/** What is worth showing of a row, by table: columns of the mirror, in the order they read well. */
const SAMPLE_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  workout_sessions: ['exercise_name', 'working_reps', 'weight_per_cable_kg'],
  routines: ['name', 'description', 'use_count'],
  custom_exercises: ['name', 'muscle_group', 'equipment'],
  earned_badges: ['badge_id', 'earned_at'],
  gamification_stats: ['total_workouts', 'total_reps', 'total_volume_kg'],
  personal_records: ['exercise_name', 'weight', 'reps', 'one_rep_max'],
  phase_statistics: ['concentric_kg_avg', 'concentric_watt_avg'],
  supersets: ['name', 'rest_between_seconds'],
  routine_exercises: ['exercise_name', 'set_reps', 'rest_seconds'],
  metric_samples: ['timestamp', 'position', 'velocity', 'load', 'power'],
  sync_devices: ['device_name', 'platform', 'last_sync_at'],
  users: ['email', 'display_name'],
}

/** Columns that hold a moment as epoch milliseconds. */
const MOMENTS = ['timestamp', 'earned_at']

/** The tables with their rows and one row of each, as lines of at most so many characters. */
export function mirrorTable(summary: readonly TableSummary[], width: number): readonly string[] {
  const nameWidth = Math.max(...summary.map(({ table }) => table.length), 5)
  const line = (table: string, rows: string, sample: string) =>
    shortened(`  ${table.padEnd(nameWidth)} ${rows.padStart(6)}  ${sample}`, width)
  return [
    line('table', 'rows', 'one of them'),
    ...summary.map(({ table, rows, sample }) => line(table, String(rows), sampleText(table, sample))),
  ]
}

function sampleText(table: string, row: Readonly<Record<string, unknown>> | undefined): string {
  if (row === undefined) return table === 'users' ? 'accounts; who has a token needs none' : 'none'
  const columns = SAMPLE_COLUMNS[table] ?? []
  return columns
    .filter(column => row[column] !== null && row[column] !== undefined)
    .map(column => `${column}=${valueText(column, row[column])}`)
    .join(' ')
}

function valueText(column: string, value: unknown): string {
  if (value instanceof Date) return value.toISOString().slice(0, 10)
  if (MOMENTS.includes(column)) return new Date(Number(value)).toISOString().slice(0, 10)
  return typeof value === 'string' && /[\s=]/.test(value) ? `"${value}"` : String(value)
}

function shortened(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`
}
