import type { Logger } from 'pino'
import { Outage } from './outage.ts'

/** What a bridge may have to wait for. */
export type OutageOf = 'server' | 'postgres' | 'batches' | 'rebuild'

/**
 * What may be away, and what may fail for a while though both answer:
 * - `server`, `postgres`: it does not answer as it should;
 * - `batches`: Postgres answers, but has no time or no lock for single batches;
 * - `rebuild`: tables are being made anew.
 */
export type Outages = Readonly<Record<OutageOf, Outage>>

/** None yet. `server` and `postgres`: what they are called in the log, without credentials. */
export function noOutages(log: Logger, server: string, postgres: string): Outages {
  const away = (what: string) => ({
    begins: `${what} does not answer as it should; trying again until it does`,
    ends: `${what} answers again`,
  })
  const late = {
    begins: `${postgres} has no time for some batches; trying again until it has`,
    ends: `${postgres} takes all batches again`,
  }
  return {
    server: new Outage(log, away(server)),
    postgres: new Outage(log, away(postgres)),
    batches: new Outage(log, late),
    rebuild: new Outage(log, {
      begins: 'nothing is mirrored while tables are being made anew',
      ends: 'the tables are made anew, and the mirror goes on',
    }),
  }
}

/** The same of each of them. */
export function ofEach<T>(outages: Outages, of: (outage: Outage) => T): Readonly<Record<OutageOf, T>> {
  const { server, postgres, batches, rebuild } = outages
  return { server: of(server), postgres: of(postgres), batches: of(batches), rebuild: of(rebuild) }
}
