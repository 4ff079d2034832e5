import type { Exchange } from './exchange.ts'

/** A request that has come to its end. */
export type Answered = {
  readonly method: string
  /** The path as the route has it; undefined where no route was found. */
  readonly route: string | undefined
  /** `cut`: the client went away before it had the whole answer. */
  readonly status: number | 'cut'
  readonly seconds: number
}

/** Tells of the end of each request, live feeds included. */
export function metersEnds(answered: ((answered: Answered) => void) | undefined): (ended: Exchange) => void {
  if (answered === undefined) return () => {}
  return ({ method, route, response, begun }) => {
    const status = response.writableFinished ? response.statusCode : 'cut'
    answered({ method, route, status, seconds: (performance.now() - begun) / 1000 })
  }
}
