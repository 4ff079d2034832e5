import { parseArgs } from 'node:util'
import type { Size } from './rows/row.ts'

export const USAGE = `npm run bench -- [options]
  --only <what>      server, scale, bridge, or names of rows and series with commas between them; all if missing
  --peer <peer>      express-pouchdb, http://user:password@host:port (a CouchDB), the divan.js of another build, divan (this one), or none
  --set NAME=value   a setting of ours, which a peer that is a Divan has not; as often as needed
  --repeats <count>  runs of each row for each server
  --quick, --full    less or more of everything
  --json <file>      leaves all that was found in it
  --plot <folder>    leaves pictures of the series there`

/** What the command line asks for. */
export type Options = {
  readonly only: readonly string[]
  readonly peer: string | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly repeats: number
  readonly form: Form
  readonly size: Size
  readonly json: string | undefined
  readonly plot: string | undefined
}

export type Form = 'quick' | 'usual' | 'full'

const SIZES = {
  quick: {
    documents: 5_000,
    atLeastMs: 500,
    databases: 100,
    manyDatabases: 300,
    feeds: 200,
    singles: 100,
    slowAnswerMb: 20,
  },
  usual: {
    documents: 20_000,
    atLeastMs: 1_500,
    databases: 500,
    manyDatabases: 2_000,
    feeds: 2_000,
    singles: 300,
    slowAnswerMb: 50,
  },
  full: {
    documents: 20_000,
    atLeastMs: 3_000,
    databases: 500,
    manyDatabases: 100_000,
    feeds: 10_000,
    singles: 1_000,
    slowAnswerMb: 200,
  },
} as const satisfies Record<Form, Size>

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      peer: { type: 'string', default: 'express-pouchdb' },
      set: { type: 'string', multiple: true, default: [] },
      repeats: { type: 'string' },
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      json: { type: 'string' },
      plot: { type: 'string' },
    },
  })
  const form = values.full ? 'full' : values.quick ? 'quick' : 'usual'
  return {
    only: values.only?.split(',') ?? [],
    peer: values.peer === 'none' ? undefined : values.peer,
    settings: Object.fromEntries(
      values.set.map(text => [text.split('=')[0] ?? '', text.replace(/^[^=]*=/, '')]),
    ),
    repeats: Number(values.repeats ?? { quick: 1, usual: 3, full: 5 }[form]),
    form,
    size: SIZES[form],
    json: values.json,
    plot: values.plot,
  }
}
