import { clientId, createdAt, deletedAt, deviceId, updatedAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

export const exercise = {
  type: 'exercise',
  about: 'An exercise the user defined.',
  table: 'custom_exercises',
  database: 'main',
  identity: 'client',
  restName: 'exercises',
  fields: {
    clientId,
    deviceId,
    deletedAt,
    name: { kind: 'text', maxLength: 255 },
    description: { kind: 'text', nullable: true },
    muscleGroup: { kind: 'text', maxLength: 100 },
    muscleGroups: { kind: 'text', maxLength: 500 },
    muscles: { kind: 'text', maxLength: 500, nullable: true },
    equipment: { kind: 'text', maxLength: 100 },
    movement: { kind: 'text', maxLength: 100, nullable: true },
    sidedness: { kind: 'text', maxLength: 50, nullable: true },
    grip: { kind: 'text', maxLength: 50, nullable: true },
    gripWidth: { kind: 'text', maxLength: 50, nullable: true },
    minRepRange: { kind: 'float', nullable: true },
    aliases: { kind: 'text', nullable: true },
    defaultCableConfig: { kind: 'text', maxLength: 50 },
    oneRepMaxKg: { kind: 'float', nullable: true },
    createdAt,
    updatedAt,
  },
} as const satisfies Entity
