import { z } from 'zod'
import { isDeviceId } from '../../design-docs/doc-id.ts'
import type { Account } from '../accounts/account.ts'
import { callerKey } from '../http/caller-key.ts'
import type { Answer, Call, Route } from '../http/route.ts'
import type { Database } from '../store/store.ts'
import { syncedEntities } from './message-push.ts'
import { type PullQuery, pulledPages } from './pull-rows.ts'
import { admittedAccount, type SyncContext, userDatabase } from './sync-context.ts'
import { lastTold, toldPlaces } from './told-places.ts'

const statusQuery = z.object({
  deviceId: z
    .string()
    .refine(isDeviceId, 'it must have 1 to 64 of the characters A-Z a-z 0-9 . _ -')
    .optional(),
})
type StatusQuery = z.infer<typeof statusQuery>

/** `GET /api/sync/status`: how far a device is, and how many rows its next pull would bring. */
export function statusRoutes(context: SyncContext): readonly Route[] {
  const status: Route<StatusQuery> = {
    method: 'GET',
    path: '/api/sync/status',
    access: 'user',
    query: statusQuery,
    handle: call => answerStatus(context, call),
  }
  return [status as Route]
}

/** The app that exists does not say which device it is: it is taken for the one that pulled last. */
async function answerStatus(context: SyncContext, call: Call<StatusQuery>): Promise<Answer> {
  const account = await admittedAccount(context, call.caller)
  const database = await userDatabase(context, call.caller)
  const deviceId = call.query.deviceId ?? lastTold(database)?.deviceId ?? ''
  const told = toldPlaces(database, deviceId)
  const lastSync = told.newest?.syncTime ?? null
  const query = {
    deviceId,
    place: told.newest?.place ?? 0,
    ownPlace: told.ownPlaceOf(lastSync ?? 0),
    upTo: database.facts().updateSeq,
    caller: callerKey(call.caller),
    signal: call.signal,
  }
  const pendingChanges = await count(database, query)
  return {
    headers: { 'Cache-Control': 'no-store' },
    json: {
      lastSync,
      pendingChanges,
      ...subscriptionOf(account),
      serverTime: Date.now(),
      clockSkew: told.lastPush?.clockSkew ?? null,
    },
  }
}

async function count(database: Database, query: PullQuery): Promise<number> {
  let rows = 0
  for (const { entity } of syncedEntities)
    for await (const texts of pulledPages(database, entity, query)) rows += texts.length
  return rows
}

function subscriptionOf(account: Account | undefined): object {
  const expiresAt = account?.subscriptionExpiresAt
  // An admin may write any number for a time.
  const expiry = expiresAt === undefined ? undefined : new Date(expiresAt)
  const isTime = expiry !== undefined && !Number.isNaN(expiry.getTime())
  return {
    subscriptionStatus: account?.subscriptionStatus ?? 'free',
    subscriptionExpiresAt: isTime ? expiry.toISOString() : null,
  }
}
