import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { checkValue } from '../../../design-docs/check-value.ts'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import { type Field, type Fields, isRequired } from '../../../design-docs/entity.ts'
import type { JsonObject } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import { pathText } from '../message-reader.ts'
import { type Sample, sampleOf } from './sample.ts'

/** Samples as a device sends them. */
export type Upload = { readonly deviceId: string; readonly samples: readonly Sample[] }

/** Three times those of a long session; who has more sends them in pieces. */
const MAX_SAMPLES = 100_000
/** A sample with what nobody here knows: of ordinary ones a hundred have as much. */
const MAX_SAMPLE_CHARS = 16 * 1024
/** Others have their turn after so many. */
const SLICE = 2_000

const sampleSchema = z.looseObject(membersSchema(metrics.rows.fields), {
  error: () => 'Expected an object.',
})
const uploadSchema = z.looseObject(
  {
    deviceId: valueSchema(metrics.fields.deviceId),
    samples: z.array(z.unknown(), {
      error: ({ input }) => (isAbsent(input) ? REQUIRED : 'Expected a list of objects.'),
    }),
  },
  { error: () => 'Send a JSON object with a deviceId and samples.' },
)

const REQUIRED = 'This member is required.'

/**
 * An upload is one unit: it is read as a whole before anything is stored, and one bad sample refuses it. Samples are made by one
 * program in one go, so what is wrong with one is a fault of the app, which its developer shall see.
 * @throws CouchError `bad_request` that names the member
 */
export async function readUpload(body: unknown): Promise<Upload> {
  const upload = uploadSchema.safeParse(body)
  if (!upload.success) throw refusal([], upload.error)
  const { deviceId, samples } = upload.data
  if (samples.length > MAX_SAMPLES)
    throw new CouchError(
      'too_large',
      `samples: There are ${samples.length}; send at most ${MAX_SAMPLES} at once.`,
    )
  const read: Sample[] = []
  for (const [index, sample] of samples.entries()) {
    read.push(readSample(sample, index))
    if (read.length % SLICE === 0) await setImmediate()
  }
  return { deviceId: String(deviceId), samples: read }
}

function readSample(input: unknown, index: number): Sample {
  const parsed = sampleSchema.safeParse(input)
  if (!parsed.success) throw refusal(['samples', index], parsed.error)
  // Not what the schema makes of it: that leaves out a member called `__proto__`.
  const sample = writable(input as JsonObject)
  if (sample === undefined) throw badRequest(['samples', index], 'The sample is nested too deeply.')
  if (sample.text.length <= MAX_SAMPLE_CHARS) return sample
  throw badRequest(['samples', index], `The sample has more than ${MAX_SAMPLE_CHARS} characters.`)
}

/** Undefined for what is nested so deeply that it can be read but not written. */
function writable(members: JsonObject): Sample | undefined {
  try {
    return sampleOf(members)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function membersSchema(fields: Fields): Record<string, z.ZodType> {
  const members = Object.entries(fields).map(([name, field]): [string, z.ZodType] => {
    const value = valueSchema(field)
    return [name, isRequired(field) ? value : value.nullish()]
  })
  return Object.fromEntries(members)
}

/** As strict as the check that makes rows of documents, and in its words. */
function valueSchema(field: Field): z.ZodType {
  return z.custom(value => !isAbsent(value) && checkValue(field, value) === undefined, {
    error: ({ input }) => (isAbsent(input) ? REQUIRED : checkValue(field, input)),
  })
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

function refusal(at: readonly PropertyKey[], { issues: [issue] }: z.ZodError): CouchError {
  return badRequest([...at, ...(issue?.path ?? [])], issue?.message ?? '')
}

/** Names the member as a programmer would: `samples[7].timestamp`. */
function badRequest(path: readonly PropertyKey[], reason: string): CouchError {
  const name = pathText(path)
  return new CouchError('bad_request', name === '' ? reason : `${name}: ${reason}`)
}
