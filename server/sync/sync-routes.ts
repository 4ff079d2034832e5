import type { Route } from '../http/route.ts'
import { deviceRoutes } from './device-list.ts'
import { pullRoutes } from './pull.ts'
import { pushRoutes } from './push-routes.ts'
import { statusRoutes } from './status.ts'
import type { SyncContext } from './sync-context.ts'

/** Every route for the clients that cannot replicate. */
export function syncRoutes(context: SyncContext): readonly Route[] {
  return [...statusRoutes(context), ...pushRoutes(context), ...pullRoutes(context), ...deviceRoutes(context)]
}
