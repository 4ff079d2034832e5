import { clientId, createdAt, deletedAt, deviceId, updatedAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

export const superset = {
  type: 'superset',
  about: 'A group of exercises of a routine that are done in turn.',
  table: 'supersets',
  database: 'main',
  identity: 'client',
  restName: 'supersets',
  fields: {
    routineId: { kind: 'reference', to: 'routine' },
    clientId,
    deviceId,
    deletedAt,
    name: { kind: 'text', maxLength: 255 },
    colorIndex: { kind: 'integer', default: 0 },
    restBetweenSeconds: { kind: 'integer', default: 10 },
    orderIndex: { kind: 'integer' },
    createdAt,
    updatedAt,
  },
} as const satisfies Entity
