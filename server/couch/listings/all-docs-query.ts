import { z } from 'zod'
import { CouchError } from '../../couch-error.ts'
import type { NameRange } from '../../store/store.ts'
import { count, flag, jsonValue } from '../query-values.ts'

/** The parameters of `_all_docs`, from the query. */
export const allDocsQuery = z.object({
  keys: jsonValue.pipe(z.array(z.unknown(), 'it must be a JSON list')).optional(),
  key: jsonValue.optional(),
  startkey: jsonValue.optional(),
  start_key: jsonValue.optional(),
  endkey: jsonValue.optional(),
  end_key: jsonValue.optional(),
  inclusive_end: flag.optional(),
  descending: flag.optional(),
  skip: count.optional(),
  limit: count.optional(),
  include_docs: flag.optional(),
  conflicts: flag.optional(),
  attachments: flag.optional(),
  update_seq: flag.optional(),
})

const wholeNumber = z.int().min(0)

/** The same from a body, where values have their own types; `deleted: "ok"` asks for the bodies of tombstones. */
export const allDocsBody = z.object({
  keys: z.array(z.unknown(), '`keys` body member must be an array.').optional(),
  key: z.unknown().optional(),
  startkey: z.unknown().optional(),
  start_key: z.unknown().optional(),
  endkey: z.unknown().optional(),
  end_key: z.unknown().optional(),
  inclusive_end: z.boolean().optional(),
  descending: z.boolean().optional(),
  skip: wholeNumber.optional(),
  limit: wholeNumber.optional(),
  include_docs: z.boolean().optional(),
  conflicts: z.boolean().optional(),
  attachments: z.boolean().optional(),
  update_seq: z.boolean().optional(),
  deleted: z.unknown().optional(),
})

/** Each query is a read of its own. */
const MAX_QUERIES = 1000

/** Counted before they are looked at: millions that do not fit would fail in as many issues. */
export const queriesBody = z.object({
  queries: z
    .array(z.unknown())
    .max(MAX_QUERIES, `there may be ${MAX_QUERIES} queries at most`)
    .pipe(z.array(allDocsBody)),
})

export type AllDocsQuery = z.infer<typeof allDocsQuery>
export type AllDocsBody = z.infer<typeof allDocsBody>

/** What a listing shows beside ids and revs. */
export type RowParts = {
  readonly docs: boolean
  readonly conflicts: boolean
  readonly attachments: boolean
  readonly deletedBodies: boolean
}

export type AllDocsRequest = {
  /** Undefined: all in the range. */
  readonly keys: readonly unknown[] | undefined
  readonly range: NameRange
  /** True if the bounds leave out every id there can be. */
  readonly isEmpty: boolean
  readonly parts: RowParts
  readonly updateSeq: boolean
}

/** What a body says counts more than what the query says. */
export function allDocsRequest(query: AllDocsQuery, body: Partial<AllDocsBody> = {}): AllDocsRequest {
  const asked: Partial<AllDocsBody> = { ...query, ...body }
  if (asked.keys !== undefined && hasBounds(asked))
    throw new CouchError('query_parse_error', '`keys` is incompatible with `key`, `start_key` and `end_key`')
  checkKeys(asked.keys)
  const start = firstGiven(asked.key, asked.startkey, asked.start_key)
  const end = firstGiven(asked.key, asked.endkey, asked.end_key)
  const descending = asked.descending === true
  return {
    keys: asked.keys,
    range: {
      startKey: boundOf(start),
      endKey: boundOf(end),
      inclusiveEnd: asked.inclusive_end ?? true,
      descending,
      skip: asked.skip ?? 0,
      limit: asked.limit ?? Number.POSITIVE_INFINITY,
    },
    isEmpty: descending ? isBelowTexts(start) || isAboveTexts(end) : isAboveTexts(start) || isBelowTexts(end),
    parts: {
      docs: asked.include_docs === true,
      conflicts: asked.conflicts === true,
      attachments: asked.attachments === true,
      deletedBodies: asked.deleted === 'ok',
    },
    updateSeq: asked.update_seq === true,
  }
}

function hasBounds({ key, startkey, start_key, endkey, end_key }: Partial<AllDocsBody>): boolean {
  return [key, startkey, start_key, endkey, end_key].some(bound => bound !== undefined)
}

/** A row names its key, and a list or object may be nested too deep to be written as JSON again. */
function checkKeys(keys: readonly unknown[] | undefined): void {
  const at = keys?.findIndex(isAboveTexts) ?? -1
  if (at !== -1) throw new CouchError('query_parse_error', `\`keys[${at}]\` must be a string`)
}

/** Null is a value like others, and no id. */
function firstGiven(...values: readonly unknown[]): unknown {
  return values.find(value => value !== undefined)
}

/** Ids are texts. In CouchDB's order of values null, booleans and numbers stand before texts, lists and objects after them. */
function boundOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function isBelowTexts(value: unknown): boolean {
  return value === null || typeof value === 'number' || typeof value === 'boolean'
}

function isAboveTexts(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
