import type { Doc } from '../../design-docs/doc.ts'
import { metricsDocId } from '../../design-docs/doc-id.ts'
import type { metrics } from '../../design-docs/entities/metrics.ts'
import type { SessionDoc } from './session-docs.ts'

export type MetricsDoc = Doc<typeof metrics>

const CHUNKS = 2
const SAMPLES_IN_CHUNK = 250
const SAMPLE_EVERY_MS = 100
const REP_MS = 3500
const CABLE_TRAVEL_MM = 600

/** What the sensors saw during a session, in chunks as a phone uploads them. */
export function metricsDocs(session: SessionDoc): readonly MetricsDoc[] {
  return Array.from({ length: CHUNKS }, (_, chunk) => ({
    _id: metricsDocId(session.clientId, String(chunk)),
    type: 'metrics',
    sessionId: session.clientId,
    deviceId: session.deviceId,
    updatedAt: session.updatedAt,
    samples: Array.from({ length: SAMPLES_IN_CHUNK }, (_, index) =>
      sample(session, (chunk * SAMPLES_IN_CHUNK + index) * SAMPLE_EVERY_MS),
    ),
  }))
}

/** The cables move up and down like a sine, once for each rep. */
function sample(session: SessionDoc, afterMs: number): MetricsDoc['samples'][number] {
  const angle = (afterMs / REP_MS) * 2 * Math.PI
  const position = Math.round((CABLE_TRAVEL_MM / 2) * (1 - Math.cos(angle)))
  const velocity = Math.round(((CABLE_TRAVEL_MM * Math.PI) / (REP_MS / 1000)) * Math.sin(angle))
  const load = Math.round(session.weightPerCableKg * (1 + Math.sin(angle) / 10) * 100) / 100
  const power = Math.round(Math.abs(load * 2 * 9.81 * velocity) / 1000)
  const timestamp = session.timestamp + afterMs
  return { timestamp, position, positionB: position, velocity, velocityB: velocity, load, loadB: load, power }
}
