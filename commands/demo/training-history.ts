import type { Doc } from '../../design-docs/doc.ts'
import { deviceDocId } from '../../design-docs/doc-id.ts'
import type { device } from '../../design-docs/entities/device.ts'
import { type HistoryIds, historyIds } from './history-ids.ts'
import { type MetricsDoc, metricsDocs } from './metrics-docs.ts'
import {
  type ExerciseDoc,
  planDocs,
  type RoutineDoc,
  type RoutineExerciseDoc,
  type SupersetDoc,
} from './plan-docs.ts'
import {
  type BadgeDoc,
  badgeDocs,
  type GamificationStatsDoc,
  type RecordDoc,
  recordDocs,
  statsDoc,
} from './reward-docs.ts'
import { seededRandom } from './seeded-random.ts'
import {
  mistakenSession,
  type PhaseStatDoc,
  type SessionDoc,
  type SessionMoment,
  sessionDocs,
} from './session-docs.ts'
import { type PlannedRoutine, trainingPlan } from './training-plan.ts'

export type DeviceDoc = Doc<typeof device>

/** A document of the phone's main database. */
export type HistoryDoc =
  | SessionDoc
  | PhaseStatDoc
  | RecordDoc
  | RoutineDoc
  | SupersetDoc
  | RoutineExerciseDoc
  | ExerciseDoc
  | BadgeDoc
  | GamificationStatsDoc
  | DeviceDoc

/** A year of training, as the documents that a phone writes. */
export type TrainingHistory = {
  readonly deviceId: string
  /** Written while the phone is offline. */
  readonly docs: readonly HistoryDoc[]
  /** The session that is finished while the phone is online, with its statistics. */
  readonly liveDocs: readonly [SessionDoc, PhaseStatDoc]
  /** The session that was started by mistake: the user deletes it. */
  readonly mistake: SessionDoc
  /** For the user's metrics database. */
  readonly metricsDocs: readonly MetricsDoc[]
}

export type HistoryOptions = {
  readonly seed: number
  /** How many sessions the phone brings; one more is finished while it is online. */
  readonly sessions: number
}

const SESSIONS_IN_WORKOUT = 3
const SESSIONS_WITH_METRICS = 2
const DAY_MS = 86_400_000
const YEAR_MS = 364 * DAY_MS

/** A Monday. The year is a fixed one: with today's date in it, the documents would be others tomorrow. */
const YEAR_BEGINS = Date.UTC(2025, 0, 6)

/**
 * Makes the history. It follows from the options alone, so two phones that make it have the same documents
 * with the same revisions.
 */
export function trainingHistory(options: HistoryOptions): TrainingHistory {
  const ids = historyIds(`${options.seed}-${options.sessions}`)
  const moments = Array.from({ length: options.sessions + 1 }, (_, index) =>
    momentOf(ids, index, options.sessions),
  )
  const trained = moments
    .filter(({ index }) => index !== mistakeIndex(options))
    .map(moment => sessionDocs(ids, moment))
  const live = trained.at(-1) ?? sessionDocs(ids, momentOf(ids, 0, 1))
  const offline = trained.slice(0, -1)
  const sessions = offline.map(({ session }) => session)
  const records = recordDocs(ids, sessions)
  const mistake = mistakenSession(ids, momentOf(ids, mistakeIndex(options), options.sessions))
  const plan = planDocs(ids, YEAR_BEGINS, planned => useOf(planned, sessions))
  return {
    deviceId: ids.deviceId,
    docs: [
      deviceDoc(ids, sessions.at(-1)?.updatedAt ?? YEAR_BEGINS),
      ...plan.exercises,
      ...plan.routines,
      ...plan.supersets,
      ...plan.routineExercises,
      ...offline.flatMap(({ session, phaseStat }) => [session, phaseStat]),
      mistake,
      ...records,
      ...badgeDocs(ids, sessions),
      statsDoc(ids, sessions, records),
    ],
    liveDocs: [live.session, live.phaseStat],
    mistake,
    metricsDocs: sessions.slice(-SESSIONS_WITH_METRICS).flatMap(metricsDocs),
  }
}

function mistakeIndex({ sessions }: HistoryOptions): number {
  return Math.floor(sessions / 2)
}

/** Workouts are spread over the year, each a few exercises of one routine in the late afternoon. */
function momentOf(ids: HistoryIds, index: number, sessions: number): SessionMoment {
  const workout = Math.floor(index / SESSIONS_IN_WORKOUT)
  const inWorkout = index % SESSIONS_IN_WORKOUT
  const progress = (workout * SESSIONS_IN_WORKOUT) / Math.max(sessions, 1)
  const routine = trainingPlan[workout % trainingPlan.length] ?? trainingPlan[0]
  const random = seededRandom(ids.uuid('workout', workout))
  const skipped = random.integer(0, routine.exercises.length - 1)
  const exercises = routine.exercises.filter((_, position) => position !== skipped)
  const day = Math.floor((progress * YEAR_MS) / DAY_MS)
  const startedAt = YEAR_BEGINS + day * DAY_MS + random.integer(16 * 60, 17 * 60) * 60_000
  return {
    index,
    workout,
    progress,
    routine,
    planned: exercises[inWorkout] ?? routine.exercises[0],
    timestamp: startedAt + inWorkout * random.integer(5 * 60, 8 * 60) * 1000,
  }
}

function useOf(planned: PlannedRoutine, sessions: readonly SessionDoc[]) {
  const own = sessions.filter(session => session.routineName === planned.name)
  const useCount = new Set(own.map(session => session.routineSessionId)).size
  return { useCount, lastUsed: own.at(-1)?.updatedAt ?? YEAR_BEGINS }
}

function deviceDoc({ deviceId }: HistoryIds, lastSyncAt: number): DeviceDoc {
  return {
    _id: deviceDocId(deviceId),
    type: 'device',
    deviceId,
    deviceName: 'Demo phone',
    platform: 'Node',
    lastSyncAt,
    createdAt: YEAR_BEGINS,
  }
}
