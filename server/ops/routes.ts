import type { Route } from '../http/route.ts'
import type { Health } from './health.ts'
import type { ServerMetrics } from './server-metrics.ts'

/** What the operator's routes are built with. */
export type OpsContext = {
  readonly health: Health
  readonly metrics: Pick<ServerMetrics, 'read'>
}

/**
 * `/health` is for whoever decides where requests go, and says nothing that is secret. `/metrics` is for admins: how much is
 * asked for, and when, is nobody else's business. Prometheus signs in with a name and a password.
 */
export function opsRoutes({ health, metrics }: OpsContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/health',
      access: 'everyone',
      async handle() {
        const reason = await health()
        const headers = { 'Cache-Control': 'no-store' }
        return reason === undefined
          ? { headers, json: { status: 'ok' } }
          : { status: 503, headers, json: { status: 'failing', reason } }
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      access: 'admin',
      async handle() {
        const { text, contentType } = await metrics.read()
        return { headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store' }, text }
      },
    },
  ]
}
