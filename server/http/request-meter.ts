import type { RequestHandler } from 'express'

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
export function requestMeter(answered: (answered: Answered) => void): RequestHandler {
  return ({ method }, response, next) => {
    const start = performance.now()
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 'cut'
      answered({ method, route: response.locals.route, status, seconds: (performance.now() - start) / 1000 })
    })
    next()
  }
}
