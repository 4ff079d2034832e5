import type { Target } from '../client/target.ts'

/** A server that was started for the benchmark, or one that is there. */
export type MeasuredServer = {
  readonly target: Target
  /** Ends it and starts it again with what it has stored. Undefined: nobody here can. */
  restart?(): Promise<Target>
  close(): Promise<void>
}

/** What can be started again and again, each time with an empty folder. */
export type ServerKind = {
  readonly name: string
  /** Whether what it acknowledged is on the disk, as its makers say. */
  readonly promisesSync: boolean
  start(): Promise<MeasuredServer>
}
