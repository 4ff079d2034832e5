import type { Away } from '../outage.ts'
import type { OutageOf } from '../outages.ts'
import type { Trouble } from '../troubled-databases.ts'

/** Where a bridge stands in its life. It is `preparing` until the schema is made and the feed of changed databases is open. */
export type Phase = 'preparing' | 'mirroring' | 'stopping'

/** What may keep a bridge from all its work, where single batches that fail do not; undefined is not away. */
export type Needs = Readonly<Record<Exclude<OutageOf, 'batches'>, Away | undefined>>

export type Health = {
  readonly isReady: boolean
  /** What `/health` answers: `ok`, or what is away. */
  readonly body: { readonly status: string; readonly troubled?: Troubled } & Readonly<
    Partial<Record<keyof Needs, Away>>
  >
}

/** Databases that fail for reasons of their own: how many, and those that do so longest. */
export type Troubled = { readonly count: number; readonly databases: readonly Trouble[] }

/** How many of them are named. */
const MAX_NAMED = 20

/**
 * Ready is a bridge that mirrors and has what it needs for it. Lag, dead letters, single batches that fail and
 * databases that alone are in trouble are no illness of the whole: it works on.
 */
export function bridgeHealth(
  phase: Phase,
  { server, postgres, rebuild }: Needs,
  troubled: readonly Trouble[] = [],
): Health {
  const away = {
    ...(server === undefined ? {} : { server }),
    ...(postgres === undefined ? {} : { postgres }),
    ...(rebuild === undefined ? {} : { rebuild }),
  }
  const isWaiting = Object.keys(away).length > 0
  const status = phase !== 'stopping' && isWaiting ? 'waiting' : phase === 'mirroring' ? 'ok' : phase
  const told = { troubled: { count: troubled.length, databases: troubled.slice(0, MAX_NAMED) } }
  return { isReady: status === 'ok', body: { status, ...away, ...(troubled.length > 0 ? told : {}) } }
}
