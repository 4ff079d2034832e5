import type { Doc } from '../../design-docs/doc.ts'
import type { phaseStat } from '../../design-docs/entities/phase-stat.ts'
import type { session } from '../../design-docs/entities/session.ts'
import type { HistoryIds } from './history-ids.ts'
import { exerciseIdOf } from './plan-docs.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'
import type { PlannedExercise, PlannedRoutine } from './training-plan.ts'

export type SessionDoc = Doc<typeof session>
export type PhaseStatDoc = Doc<typeof phaseStat>

/** Which session of the year it is. */
export type SessionMoment = {
  readonly index: number
  readonly timestamp: number
  /** How much of the year has passed, from 0 to 1. */
  readonly progress: number
  readonly routine: PlannedRoutine
  readonly planned: PlannedExercise
  /** The same for the sessions of one workout. */
  readonly workout: number
}

const CABLES = 2
const KCAL_PER_KG_LIFTED = 0.018
const STANDARD_GRAVITY = 9.81
const WEEKS = 52
const DELOAD_EVERY_WEEKS = 6

/** A session with its statistics, as the machine would have recorded it. */
export function sessionDocs(
  ids: HistoryIds,
  moment: SessionMoment,
): { readonly session: SessionDoc; readonly phaseStat: PhaseStatDoc } {
  const random = seededRandom(ids.uuid('session', moment.index))
  const session = trainedSession(ids, moment, random)
  return { session, phaseStat: phaseStatOf(ids, session, random) }
}

/** A session that was started by mistake, to be deleted. */
export function mistakenSession(ids: HistoryIds, { index, timestamp }: SessionMoment): SessionDoc {
  return {
    ...ids.drawn('session', index),
    type: 'session',
    deviceId: ids.deviceId,
    timestamp,
    mode: 'OldSchool',
    targetReps: 0,
    weightPerCableKg: 5,
    duration: 4,
    totalReps: 1,
    isJustLift: true,
    createdAt: timestamp,
    updatedAt: timestamp,
  }
}

function trainedSession(ids: HistoryIds, moment: SessionMoment, random: SeededRandom): SessionDoc {
  const { planned, routine, timestamp } = moment
  const kg = weightAt(moment, random)
  const warmupReps = 3
  const workingReps = Math.max(planned.reps + random.integer(-2, 2), 1)
  const endedAt = timestamp + (warmupReps + workingReps) * random.integer(3000, 4500)
  return {
    ...ids.drawn('session', moment.index),
    type: 'session',
    deviceId: ids.deviceId,
    timestamp,
    mode: random.pick(['OldSchool', 'OldSchool', 'OldSchool', 'Pump', 'EccentricOnly']),
    targetReps: planned.reps,
    weightPerCableKg: kg,
    duration: Math.round((endedAt - timestamp) / 1000),
    totalReps: warmupReps + workingReps,
    warmupReps,
    workingReps,
    exerciseId: exerciseIdOf(ids, planned),
    exerciseName: planned.name,
    routineSessionId: ids.uuid('workout', moment.workout),
    routineName: routine.name,
    ...forces(kg, random),
    heaviestLiftKg: round(kg * CABLES),
    totalVolumeKg: round(kg * CABLES * workingReps),
    estimatedCalories: round(kg * CABLES * workingReps * KCAL_PER_KG_LIFTED),
    warmupAvgWeightKg: round(kg * 0.5),
    workingAvgWeightKg: kg,
    peakWeightKg: round(kg * 1.05),
    rpe: random.integer(6, 9),
    createdAt: endedAt,
    updatedAt: endedAt,
  }
}

/** Strength grows quickly at first and slowly later; every sixth week is a light one. */
function weightAt({ planned, progress }: SessionMoment, random: SeededRandom): number {
  const grown = (1 - Math.exp(-2 * progress)) / (1 - Math.exp(-2))
  const isLightWeek = Math.floor(progress * WEEKS) % DELOAD_EVERY_WEEKS === DELOAD_EVERY_WEEKS - 1
  const kg =
    (planned.startKg + planned.gainKg * grown) * (isLightWeek ? 0.85 : 1) * random.between(0.97, 1.03)
  return Math.round(kg * 2) / 2
}

function forces(kg: number, random: SeededRandom) {
  const near = (factor: number) => round(kg * factor * random.between(0.97, 1.03))
  return {
    peakForceConcentricA: near(1.2),
    peakForceConcentricB: near(1.2),
    peakForceEccentricA: near(1.3),
    peakForceEccentricB: near(1.3),
    avgForceConcentricA: near(1),
    avgForceConcentricB: near(1),
    avgForceEccentricA: near(1.05),
    avgForceEccentricB: near(1.05),
  }
}

function phaseStatOf(ids: HistoryIds, session: SessionDoc, random: SeededRandom): PhaseStatDoc {
  const kg = session.weightPerCableKg * CABLES
  const { timestamp, createdAt, updatedAt } = session
  const concentric = phase(kg, random.between(0.45, 0.6))
  const eccentric = phase(kg * 1.05, random.between(0.35, 0.5))
  return {
    ...ids.drawn('phaseStat', session.clientId),
    type: 'phaseStat',
    sessionId: session.clientId,
    deviceId: ids.deviceId,
    concentricKgAvg: concentric.kgAvg,
    concentricKgMax: concentric.kgMax,
    concentricVelAvg: concentric.velAvg,
    concentricVelMax: concentric.velMax,
    concentricWattAvg: concentric.wattAvg,
    concentricWattMax: concentric.wattMax,
    eccentricKgAvg: eccentric.kgAvg,
    eccentricKgMax: eccentric.kgMax,
    eccentricVelAvg: eccentric.velAvg,
    eccentricVelMax: eccentric.velMax,
    eccentricWattAvg: eccentric.wattAvg,
    eccentricWattMax: eccentric.wattMax,
    timestamp,
    createdAt,
    updatedAt,
  }
}

function phase(kg: number, metresPerSecond: number) {
  const watt = kg * STANDARD_GRAVITY * metresPerSecond
  return {
    kgAvg: round(kg),
    kgMax: round(kg * 1.15),
    velAvg: round(metresPerSecond),
    velMax: round(metresPerSecond * 1.6),
    wattAvg: round(watt),
    wattMax: round(watt * 1.8),
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
