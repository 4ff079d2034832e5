import { clientId, createdAt, deletedAt, deviceId, updatedAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

/** Phones number their records 1, 2, …: two phones of a user mean different records by `1`. */
export const record = {
  type: 'record',
  about: 'A personal record in one exercise and workout mode.',
  table: 'personal_records',
  database: 'main',
  identity: 'client',
  restName: 'records',
  fields: {
    clientId,
    deviceId,
    deletedAt,
    exerciseId: { kind: 'text', maxLength: 255 },
    exerciseName: { kind: 'text', maxLength: 255 },
    weight: { kind: 'float' },
    reps: { kind: 'integer' },
    oneRepMax: { kind: 'float' },
    achievedAt: { kind: 'long' },
    workoutMode: { kind: 'text', maxLength: 50 },
    prType: { kind: 'text', maxLength: 50, default: 'MAX_WEIGHT' },
    volume: { kind: 'float', default: 0 },
    sessionId: { kind: 'reference', to: 'session', nullable: true },
    createdAt,
    updatedAt,
  },
} as const satisfies Entity
