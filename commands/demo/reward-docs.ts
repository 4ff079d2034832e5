import type { Doc } from '../../design-docs/doc.ts'
import type { badge } from '../../design-docs/entities/badge.ts'
import type { gamificationStats } from '../../design-docs/entities/gamification-stats.ts'
import type { record } from '../../design-docs/entities/record.ts'
import type { HistoryIds } from './history-ids.ts'
import type { SessionDoc } from './session-docs.ts'

export type RecordDoc = Doc<typeof record>
export type BadgeDoc = Doc<typeof badge>
export type GamificationStatsDoc = Doc<typeof gamificationStats>

const DAY_MS = 86_400_000
/** Workouts this far apart still belong to one streak. */
const STREAK_GAP_MS = 8 * DAY_MS

const BADGES: readonly {
  readonly badgeId: string
  readonly sessions?: number
  readonly volumeKg?: number
}[] = [
  { badgeId: 'FIRST_SESSION', sessions: 1 },
  { badgeId: 'SESSIONS_10', sessions: 10 },
  { badgeId: 'SESSIONS_50', sessions: 50 },
  { badgeId: 'SESSIONS_100', sessions: 100 },
  { badgeId: 'SESSIONS_200', sessions: 200 },
  { badgeId: 'VOLUME_1_TON', volumeKg: 1000 },
  { badgeId: 'VOLUME_10_TONS', volumeKg: 10_000 },
  { badgeId: 'VOLUME_50_TONS', volumeKg: 50_000 },
]

/** The best set of each exercise and mode, by the estimate of Epley for a single repetition. */
export function recordDocs(ids: HistoryIds, sessions: readonly SessionDoc[]): readonly RecordDoc[] {
  const firstAt = new Map<string, number>()
  const best = new Map<string, { readonly session: SessionDoc; readonly oneRepMax: number }>()
  for (const session of sessions) {
    const key = `${session.exerciseId}/${session.mode}`
    const oneRepMax = epley(session)
    if (!firstAt.has(key)) firstAt.set(key, session.updatedAt)
    if (oneRepMax > (best.get(key)?.oneRepMax ?? 0)) best.set(key, { session, oneRepMax })
  }
  return [...best].map(([key, { session, oneRepMax }], index) => ({
    ...ids.counted('record', index + 1),
    type: 'record',
    deviceId: ids.deviceId,
    exerciseId: session.exerciseId ?? '',
    exerciseName: session.exerciseName ?? '',
    weight: session.weightPerCableKg,
    reps: session.workingReps ?? 0,
    oneRepMax,
    achievedAt: session.updatedAt,
    workoutMode: session.mode,
    volume: session.totalVolumeKg ?? 0,
    sessionId: session.clientId,
    createdAt: firstAt.get(key) ?? session.updatedAt,
    updatedAt: session.updatedAt,
  }))
}

function epley({ weightPerCableKg, workingReps }: SessionDoc): number {
  return Math.round(weightPerCableKg * (1 + (workingReps ?? 0) / 30) * 100) / 100
}

/** The badges these sessions earned, in the order they were earned. */
export function badgeDocs(ids: HistoryIds, sessions: readonly SessionDoc[]): readonly BadgeDoc[] {
  const earned: { readonly badgeId: string; readonly earnedAt: number }[] = []
  let volumeKg = 0
  for (const [index, session] of sessions.entries()) {
    volumeKg += session.totalVolumeKg ?? 0
    for (const { badgeId, sessions: count = 0, volumeKg: needed = 0 } of BADGES) {
      const isNew = earned.every(badge => badge.badgeId !== badgeId)
      if (isNew && index + 1 >= count && volumeKg >= needed)
        earned.push({ badgeId, earnedAt: session.updatedAt })
    }
  }
  return earned.map(({ badgeId, earnedAt }, index) => ({
    ...ids.counted('badge', index + 1),
    type: 'badge',
    deviceId: ids.deviceId,
    badgeId,
    earnedAt,
    celebratedAt: earnedAt + 2000,
    createdAt: earnedAt,
    updatedAt: earnedAt,
  }))
}

/** Totals and streaks of these sessions. */
export function statsDoc(
  ids: HistoryIds,
  sessions: readonly SessionDoc[],
  records: readonly RecordDoc[],
): GamificationStatsDoc {
  const total = (of: (session: SessionDoc) => number | null | undefined) =>
    sessions.reduce((sum, session) => sum + (of(session) ?? 0), 0)
  const last = sessions.at(-1)?.updatedAt ?? 0
  const { longest, current, startedAt } = streaks(sessions)
  return {
    _id: 'gamificationStats',
    type: 'gamificationStats',
    clientId: '1',
    deviceId: ids.deviceId,
    totalWorkouts: sessions.length,
    totalReps: total(session => session.totalReps),
    totalVolumeKg: Math.round(total(session => session.totalVolumeKg)),
    longestStreak: longest,
    currentStreak: current,
    uniqueExercisesUsed: new Set(sessions.map(session => session.exerciseId)).size,
    prsAchieved: records.length,
    lastWorkoutDate: last,
    streakStartDate: startedAt,
    updatedAt: last,
  }
}

function streaks(sessions: readonly SessionDoc[]) {
  let longest = 0
  let current = 0
  let startedAt = 0
  let previous = Number.NEGATIVE_INFINITY
  for (const { timestamp } of sessions) {
    const goesOn = timestamp - previous <= STREAK_GAP_MS
    if (!goesOn) startedAt = timestamp
    current = goesOn ? current + 1 : 1
    longest = Math.max(longest, current)
    previous = timestamp
  }
  return { longest, current, startedAt }
}
