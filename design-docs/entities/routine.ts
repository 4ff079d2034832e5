import { clientId, createdAt, deletedAt, deviceId, updatedAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

export const routine = {
  type: 'routine',
  about: 'A workout plan the user made.',
  table: 'routines',
  database: 'main',
  identity: 'client',
  restName: 'routines',
  fields: {
    clientId,
    deviceId,
    deletedAt,
    name: { kind: 'text', maxLength: 255 },
    description: { kind: 'text', default: '' },
    lastUsed: { kind: 'long', nullable: true },
    useCount: { kind: 'integer', default: 0 },
    createdAt,
    updatedAt,
  },
} as const satisfies Entity
