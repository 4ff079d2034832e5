import { clientId, createdAt, deletedAt, deviceId, updatedAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

export const badge = {
  type: 'badge',
  about: 'A badge and when the user earned it.',
  table: 'earned_badges',
  database: 'main',
  identity: 'client',
  restName: 'badges',
  fields: {
    clientId,
    deviceId,
    deletedAt,
    badgeId: { kind: 'text', maxLength: 100 },
    earnedAt: { kind: 'long' },
    celebratedAt: { kind: 'long', nullable: true },
    createdAt,
    updatedAt,
  },
} as const satisfies Entity
