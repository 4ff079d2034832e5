import { z } from 'zod'
import { databaseKindOf } from '../../../design-docs/database-kind.ts'
import { CouchError } from '../../couch-error.ts'
import { callerKey } from '../../http/caller-key.ts'
import type { Answer, Call, Out, Route } from '../../http/route.ts'
import { isSequence, timeOf } from '../../store/sequences.ts'
import type { Database } from '../../store/store.ts'
import { type CouchContext, databaseRoute } from '../couch-context.ts'
import { count } from '../query-values.ts'
import { changesQuery } from './changes-query.ts'
import { expiryOf, LIVE_HEADERS, startLiveWait } from './live-wait.ts'
import { PacedTurns } from './paced-turns.ts'
import { ProblemsFeed, type ProblemsRequest } from './problems-feed.ts'
import { ProblemsQuota } from './problems-quota.ts'

/** Shorter than the patience of any proxy: a database without problems has nothing else to say while it is read. */
const HEARTBEAT_MS = 10_000

const problemsQuery = z.object({
  since: changesQuery.shape.since.refine(
    isPlace,
    'it must be a sequence that `_changes` told, a time, 0 or now',
  ),
  limit: count.optional(),
})

type ProblemsQuery = z.infer<typeof problemsQuery>

/**
 * `GET /db/_problems`: which documents do not fit their descriptions, and why. The server takes whatever a device writes, so this is where
 * an app's developer sees what will have no row in the mirror. The bridge keeps the first problem of each as a dead letter.
 */
export function problemsRoutes(context: CouchContext): readonly Route[] {
  const shared = { turns: new PacedTurns(), quota: new ProblemsQuota() }
  return [
    databaseRoute(context, {
      method: 'GET',
      path: '/:db/_problems',
      query: problemsQuery,
      handle: (call, database) => answerProblems(call, database, shared),
    }),
  ]
}

function isPlace(since: string | undefined): boolean {
  if (since === undefined || since === '0' || since === 'now') return true
  return isSequence(since) || timeOf(since) !== undefined
}

/** What all who ask share. */
type Shared = { readonly turns: PacedTurns; readonly quota: ProblemsQuota }

function answerProblems(call: Call<ProblemsQuery>, database: Database, { turns, quota }: Shared): Answer {
  const kind = databaseKindOf(database.name)
  if (kind === undefined)
    throw new CouchError(
      'not_found',
      'Nothing describes the documents of this database: they have no problems.',
    )
  const { since = '0', limit = Number.POSITIVE_INFINITY } = call.query
  const caller = callerKey(call.caller)
  const request = { kind, place: database.place(since), limit, turns, caller }
  return {
    headers: LIVE_HEADERS,
    async write(out) {
      quota.enter(caller)
      try {
        await writeProblems(call, database, request, out)
      } finally {
        quota.leave(caller)
      }
    },
  }
}

async function writeProblems(
  call: Call<ProblemsQuery>,
  database: Database,
  request: ProblemsRequest,
  out: Out,
): Promise<void> {
  const wait = startLiveWait({
    out,
    heartbeatMs: HEARTBEAT_MS,
    signal: call.signal,
    expiresAt: expiryOf(call.caller),
  })
  try {
    await new ProblemsFeed(database, request).write(wait)
  } finally {
    wait.close()
  }
}
