import { clientId, createdAt, deletedAt, deviceId, updatedAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

export const phaseStat = {
  type: 'phaseStat',
  about: 'Force, velocity and power of a session, for its concentric and eccentric phases.',
  table: 'phase_statistics',
  database: 'main',
  identity: 'client',
  restName: 'phaseStats',
  fields: {
    sessionId: { kind: 'reference', to: 'session' },
    clientId,
    deviceId,
    deletedAt,
    concentricKgAvg: { kind: 'float' },
    concentricKgMax: { kind: 'float' },
    concentricVelAvg: { kind: 'float' },
    concentricVelMax: { kind: 'float' },
    concentricWattAvg: { kind: 'float' },
    concentricWattMax: { kind: 'float' },
    eccentricKgAvg: { kind: 'float' },
    eccentricKgMax: { kind: 'float' },
    eccentricVelAvg: { kind: 'float' },
    eccentricVelMax: { kind: 'float' },
    eccentricWattAvg: { kind: 'float' },
    eccentricWattMax: { kind: 'float' },
    timestamp: { kind: 'long' },
    createdAt,
    updatedAt,
  },
} as const satisfies Entity
