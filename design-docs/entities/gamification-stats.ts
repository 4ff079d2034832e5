import { clientId, deviceId, updatedAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

/** The only document of its type: its `_id` is `gamificationStats`, whatever `clientId` says. */
export const gamificationStats = {
  type: 'gamificationStats',
  about: 'Totals and streaks of a user: one document each.',
  table: 'gamification_stats',
  database: 'main',
  identity: 'singleton',
  restName: 'gamificationStats',
  fields: {
    clientId,
    deviceId,
    totalWorkouts: { kind: 'integer', default: 0 },
    totalReps: { kind: 'integer', default: 0 },
    totalVolumeKg: { kind: 'integer', default: 0 },
    longestStreak: { kind: 'integer', default: 0 },
    currentStreak: { kind: 'integer', default: 0 },
    uniqueExercisesUsed: { kind: 'integer', default: 0 },
    prsAchieved: { kind: 'integer', default: 0 },
    lastWorkoutDate: { kind: 'long', nullable: true },
    streakStartDate: { kind: 'long', nullable: true },
    updatedAt,
  },
} as const satisfies Entity
