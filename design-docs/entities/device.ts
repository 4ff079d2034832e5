import { createdAt, deviceId } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

export const device = {
  type: 'device',
  about: 'A device that synchronises, and when it last did.',
  table: 'sync_devices',
  database: 'main',
  identity: 'device',
  fields: {
    deviceId,
    deviceName: { kind: 'text', maxLength: 255, nullable: true },
    platform: { kind: 'text', maxLength: 50 },
    lastSyncAt: { kind: 'time' },
    createdAt,
  },
} as const satisfies Entity
