import type { Logger } from 'pino'
import { BridgeError } from './bridge-error.ts'
import { AnswerTooLarge, type CouchClient, ServerError } from './couch-client.ts'
import { RebuildUnderWay } from './descriptions/rebuild-under-way.ts'
import type { OutageOf, Outages } from './outages.ts'
import { isBusy, verdictOf } from './postgres-errors.ts'
import type { TroubledDatabases } from './troubled-databases.ts'
import { updatesCursor } from './updates-feed.ts'
import type { BridgeMeter } from './watch/bridge-metrics.ts'

/** Who meets failures besides the databases. */
export type BridgePart = 'the start' | 'the feed of changed databases' | 'the search for dirty databases'

/** Whom a failure concerns: every database; some, that meet the same lock or load; this one alone. */
export type Concern = 'all' | 'some' | 'one'

/** What failures are told to, and asked of. */
export type FailuresContext = {
  readonly client: CouchClient
  readonly log: Logger
  readonly meter: BridgeMeter
  readonly outages: Outages
  readonly troubled: TroubledDatabases
  readonly signal: AbortSignal
}

/** How long a server may take to say where its feed ends, before it is taken to be away. */
const PROBE_MS = 10_000

/** What a part of the bridge meets that nobody foresaw is said again after so long, if it goes on. */
const REPEAT_MS = 60_000

/**
 * What a failure means, said once to each who is to know: the log, `/health` and the metrics. Something is away, or a database
 * is in trouble, or it is for an operator to mend and the bridge must end.
 */
export class Failures {
  readonly #context: FailuresContext
  /** When each reason that nobody foresaw was said. */
  readonly #saidAt = new Map<string, number>()
  readonly #end: (error: BridgeError) => void
  /** Resolves with the first that only an operator can mend, met while the bridge runs. */
  readonly end: Promise<BridgeError>

  constructor(context: FailuresContext) {
    this.#context = context
    let end: (error: BridgeError) => void = () => undefined
    this.end = new Promise(resolve => {
      end = resolve
    })
    this.#end = end
  }

  /** Whether nothing but an operator can mend this. No further turn is to be taken then. */
  mustEnd(error: unknown): boolean {
    if (!(error instanceof BridgeError)) return false
    this.#end(error)
    return true
  }

  /** A part of the bridge has failed, whatever the database. */
  ofPart(part: BridgePart, error: unknown): void {
    const { outages, meter } = this.#context
    const of = outageOf(error)
    meter.retry(reasonToRetry(of))
    if (of === undefined) this.#complain(part, error)
    else outages[of].report(error, part)
  }

  /**
   * The turn of a database has failed. A refusal, or no answer, to a question about one database tells nothing of the
   * others: the server is away only if it does not answer what concerns no database, either.
   */
  async ofTurn(database: string, error: unknown): Promise<Concern> {
    const { outages, troubled, meter } = this.#context
    const isOfServer = error instanceof ServerError || error instanceof AnswerTooLarge
    if (isOfServer && !isTooManyRequests(error) && (await this.#isServerThere())) {
      outages.server.over(database)
      troubled.failed(database, error)
      meter.retry('database')
      return 'one'
    }
    const of = outageOf(error)
    meter.retry(reasonToRetry(of))
    if (of === undefined) {
      troubled.failed(database, error)
      return 'one'
    }
    outages[of].report(error, database)
    return of === 'batches' ? 'some' : 'all'
  }

  /** A part of the bridge, or a database, has succeeded: no outage is its own any more. */
  over(what: string): void {
    for (const outage of Object.values(this.#context.outages)) outage.over(what)
  }

  /** In full, but each reason once a minute. */
  #complain(part: BridgePart, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const now = Date.now()
    for (const [said, at] of this.#saidAt) if (at < now - REPEAT_MS) this.#saidAt.delete(said)
    if (this.#saidAt.has(reason)) return
    this.#saidAt.set(reason, now)
    this.#context.log.error({ err: error, part }, 'something goes wrong; trying again until it does not')
  }

  async #isServerThere(): Promise<boolean> {
    const { client, signal } = this.#context
    return await updatesCursor(client, signal, PROBE_MS).then(
      () => true,
      () => false,
    )
  }
}

function outageOf(error: unknown): OutageOf | undefined {
  if (error instanceof ServerError) return isOutage(error) ? 'server' : undefined
  if (isBusy(error)) return 'batches'
  if (error instanceof RebuildUnderWay) return 'rebuild'
  return ['retry', 'operator'].includes(verdictOf(error)) ? 'postgres' : undefined
}

function reasonToRetry(of: OutageOf | undefined): 'server' | 'postgres' | 'other' {
  if (of === undefined) return 'other'
  return of === 'server' ? 'server' : 'postgres'
}

/** What is wrong with the server as a whole, not with one database. */
function isOutage({ status }: ServerError): boolean {
  return status === undefined || status >= 500 || [401, 403, 429].includes(status)
}

function isTooManyRequests(error: Error): boolean {
  return error instanceof ServerError && error.status === 429
}
