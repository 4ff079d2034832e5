/** Since when something the bridge needs is away, and what was seen of it last. */
export type Away = { readonly since: Date; readonly reason: string }

/** Where a bridge stands in its life. It is `preparing` until the schema is made and the feed of changed databases is open. */
export type Phase = 'preparing' | 'mirroring' | 'stopping'

export type Health = {
  readonly isReady: boolean
  /** What `/health` answers. */
  readonly body: {
    readonly status: 'ok' | 'preparing' | 'waiting' | 'stopping'
    readonly server: 'ok' | Away
    readonly postgres: 'ok' | Away
  }
}

/** Ready is a bridge that mirrors and has what it needs for it. Dead letters and lag are no illness: it works on. */
export function bridgeHealth(phase: Phase, server: Away | undefined, postgres: Away | undefined): Health {
  const isAway = server !== undefined || postgres !== undefined
  const status = phase === 'stopping' ? phase : isAway ? 'waiting' : phase === 'preparing' ? phase : 'ok'
  return {
    isReady: status === 'ok',
    body: { status, server: server ?? 'ok', postgres: postgres ?? 'ok' },
  }
}
