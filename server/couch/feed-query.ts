import { z } from 'zod'
import { count, unquoted } from './query-values.ts'

/** How long a live feed without heartbeats waits for something to tell, unless it is asked to wait otherwise. */
const TIMEOUT_MS = 60_000
/** `heartbeat=true`. */
const HEARTBEAT_MS = 60_000

const heartbeat = z
  .string()
  .regex(/^(true|false|[1-9]\d{0,14})$/, 'it must be true or a number of milliseconds above 0')
  .transform(text => (text === 'true' ? HEARTBEAT_MS : text === 'false' ? undefined : Number(text)))

/** What every feed can be asked for. */
export const feedQuery = z.object({
  feed: z.enum(['normal', 'longpoll', 'continuous']).default('normal'),
  since: z.string().transform(unquoted).default('0'),
  limit: count.optional(),
  heartbeat: heartbeat.optional(),
  timeout: count.optional(),
})

/** How a live feed waits: with heartbeats for as long as the client likes, else until the timeout. */
export function waitingOf(query: Pick<z.infer<typeof feedQuery>, 'heartbeat' | 'timeout'>): {
  readonly heartbeatMs: number | undefined
  readonly timeoutMs: number | undefined
} {
  const { heartbeat, timeout } = query
  return { heartbeatMs: heartbeat, timeoutMs: heartbeat === undefined ? (timeout ?? TIMEOUT_MS) : timeout }
}
