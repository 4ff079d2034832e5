import { parseArgs } from 'node:util'
import type { Size } from './rows/row.ts'

export const USAGE = `npm run bench -- [options]
  --only <what>      server, bridge, or names of rows with commas between them; all if missing
  --peer <peer>      express-pouchdb, http://user:password@host:port (a CouchDB), the divan.js of another build, or none
  --repeats <count>  runs of each row for each server
  --quick, --full    less or more of everything`

/** What the command line asks for. */
export type Options = {
  readonly only: readonly string[]
  readonly peer: string | undefined
  readonly repeats: number
  readonly full: boolean
  readonly size: Size
}

const SIZES = {
  quick: { documents: 5_000, atLeastMs: 500, databases: 100, feeds: 200 },
  usual: { documents: 20_000, atLeastMs: 1_500, databases: 500, feeds: 500 },
  full: { documents: 20_000, atLeastMs: 3_000, databases: 500, feeds: 500 },
} as const satisfies Record<string, Size>

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      peer: { type: 'string', default: 'express-pouchdb' },
      repeats: { type: 'string' },
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
    },
  })
  const form = values.full ? 'full' : values.quick ? 'quick' : 'usual'
  return {
    only: values.only?.split(',') ?? [],
    peer: values.peer === 'none' ? undefined : values.peer,
    repeats: Number(values.repeats ?? { quick: 1, usual: 3, full: 5 }[form]),
    full: values.full,
    size: SIZES[form],
  }
}
