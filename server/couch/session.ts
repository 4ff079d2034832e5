import type { Route } from '../http/route.ts'

export function sessionRoutes(): readonly Route[] {
  return []
}
