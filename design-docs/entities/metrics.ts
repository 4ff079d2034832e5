import { deviceId } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

/**
 * Samples of a session's sensors, some thousands in a document. They live in a database of their own, which
 * a phone need not download. All rows of a document are replaced together.
 */
export const metrics = {
  type: 'metrics',
  about: 'A moment of a session as the sensors of the machine saw it.',
  table: 'metric_samples',
  database: 'metrics',
  identity: 'chunk',
  fields: {
    sessionId: { kind: 'reference', to: 'session' },
    deviceId: { ...deviceId, inTable: false },
    updatedAt: { kind: 'time', nullable: true, inTable: false },
  },
  rows: {
    member: 'samples',
    fields: {
      timestamp: { kind: 'long' },
      position: { kind: 'float', nullable: true },
      positionB: { kind: 'float', nullable: true },
      velocity: { kind: 'float', nullable: true },
      velocityB: { kind: 'float', nullable: true },
      load: { kind: 'float', nullable: true },
      loadB: { kind: 'float', nullable: true },
      power: { kind: 'float', nullable: true },
      status: { kind: 'integer', default: 0 },
    },
  },
} as const satisfies Entity
