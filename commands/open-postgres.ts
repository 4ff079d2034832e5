import { setTimeout as sleep } from 'node:timers/promises'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../bridge/postgres/embedded-postgres.ts'
import { BackOff } from './back-off.ts'
import type { DataFolder } from './data-folder.ts'
import { messageOf, operatorErrorFrom } from './operator-error.ts'
import type { Settings } from './settings.ts'

/** The Postgres that the bridge writes to: the operator's own, or the embedded one. */
export type OpenPostgres = {
  /** With the password. */
  url(): string
  readonly isEmbedded: boolean
  close(): Promise<void>
}

export type OpenPostgresOptions = {
  readonly settings: Settings
  readonly folder: DataFolder
  warn(line: string): void
  /** The embedded Postgres had ended, and runs again at another URL. */
  onMove(): void
}

/** DATABASE_URL, else the embedded Postgres of this data folder, which is started and kept running. */
export async function openPostgres(options: OpenPostgresOptions): Promise<OpenPostgres> {
  const { databaseUrl } = options.settings
  if (databaseUrl !== undefined) return { url: () => databaseUrl, isEmbedded: false, close: async () => {} }
  const first = await startPostgres(options).catch(error => {
    throw operatorErrorFrom(error)
  })
  return keepRunning(first, options)
}

function startPostgres({ folder, settings, warn }: OpenPostgresOptions): Promise<EmbeddedPostgres> {
  const isChatty = settings.logLevel === 'debug' || settings.logLevel === 'trace'
  return startEmbeddedPostgres({ folder: folder.postgres, log: isChatty ? warn : undefined })
}

function keepRunning(first: EmbeddedPostgres, options: OpenPostgresOptions): OpenPostgres {
  const closing = new AbortController()
  let current = first
  const watch = async () => {
    for (const backOff = new BackOff(); ; ) {
      const startedAt = performance.now()
      await Promise.race([current.exited, aborted(closing.signal)])
      if (closing.signal.aborted) return
      options.warn('divan: the embedded Postgres ended; it is started again')
      const last = current
      current = await startAgain(options, { backOff, startedAt, signal: closing.signal, last })
      if (current.url !== last.url) options.onMove()
    }
  }
  const done = watch()
  return {
    url: () => current.url,
    isEmbedded: true,
    async close() {
      closing.abort()
      await done
      await current.close()
    },
  }
}

type Attempt = {
  readonly backOff: BackOff
  readonly startedAt: number
  readonly signal: AbortSignal
  readonly last: EmbeddedPostgres
}

/** Tries until it runs, or until it is wanted no more. */
async function startAgain(options: OpenPostgresOptions, attempt: Attempt): Promise<EmbeddedPostgres> {
  const { backOff, startedAt, signal, last } = attempt
  await last.close().catch(() => {})
  for (;;) {
    await sleep(backOff.nextDelayMs(performance.now() - startedAt), undefined, { signal }).catch(() => {})
    if (signal.aborted) return last
    try {
      return await startPostgres(options)
    } catch (error) {
      options.warn(`divan: ${messageOf(error)}`)
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
