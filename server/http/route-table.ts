import assert from 'node:assert'
import type { Route } from './route.ts'

/** All routes of one path, by method. */
export type PathRoutes = {
  readonly path: string
  readonly byMethod: ReadonlyMap<string, Route>
}

/**
 * Groups routes by path and puts the most specific paths first, so that the order in which routes are listed means
 * nothing: `/_up` before `/:db`, `/:db/_changes` before `/:db/:doc` before `/:db/*rest`. Two routes for one thing
 * are a bug.
 */
export function tableOf(routes: readonly Route[]): readonly PathRoutes[] {
  const byShape = new Map<string, { path: string; byMethod: Map<string, Route> }>()
  for (const route of routes) {
    const shape = route.path.replaceAll(/([:*])\w+/g, '$1')
    const same = byShape.get(shape) ?? { path: route.path, byMethod: new Map<string, Route>() }
    assert(same.path === route.path, `${route.path} and ${same.path} are one path by two names`)
    assert(!same.byMethod.has(route.method), `${route.method} ${route.path} is there twice`)
    byShape.set(shape, same)
    same.byMethod.set(route.method, route)
  }
  return [...byShape.values()].sort((a, b) => compareSpecificity(a.path, b.path))
}

/** What a known path answers to, for `Allow`. */
export function allowedMethods(routes: PathRoutes): readonly string[] {
  const methods = [...routes.byMethod.keys()]
  return methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods
}

/** A GET route answers HEAD too. */
export function routeFor(routes: PathRoutes, method: string): Route | undefined {
  return routes.byMethod.get(method) ?? (method === 'HEAD' ? routes.byMethod.get('GET') : undefined)
}

function compareSpecificity(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = vagueness(left[i]) - vagueness(right[i])
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Words before parameters before wildcards. */
function vagueness(segment: string | undefined): number {
  if (segment?.startsWith('*')) return 2
  return segment?.startsWith(':') ? 1 : 0
}
