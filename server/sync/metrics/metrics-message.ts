import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import type { Field } from '../../../design-docs/entity.ts'
import { isJsonObject, type JsonObject, memberOf } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import { memberProblem, pathText, readMessage, senderSchema } from '../message-reader.ts'
import { type Sample, sampleOf } from './sample.ts'

/** Samples as a device sends them. */
export type Upload = { readonly deviceId: string; readonly samples: readonly Sample[] }

/** Three times those of a long session; who has more sends them in pieces. */
const MAX_SAMPLES = 100_000
/** A sample with what nobody here knows: of ordinary ones a hundred have as much. */
const MAX_SAMPLE_CHARS = 16 * 1024
/** Others have their turn after so much, and so much more for each sample. */
const TURN_CHARS = 256 * 1024
const SAMPLE_CHARS = 128

const uploadSchema = z.looseObject(
  {
    deviceId: senderSchema,
    samples: z.array(z.unknown(), {
      error: ({ input }) =>
        input === undefined || input === null ? 'This member is required.' : 'Expected a list of objects.',
    }),
  },
  { error: () => 'Send a JSON object with a deviceId and samples.' },
)

const SAMPLE_FIELDS: readonly (readonly [string, Field])[] = Object.entries(metrics.rows.fields)

/**
 * An upload is one unit: it is read as a whole before anything is stored, and one bad sample refuses it. Samples are made by one
 * program in one go, so what is wrong with one is a fault of the app, which its developer shall see.
 * @throws CouchError `bad_request` that names the member
 */
export async function readUpload(body: unknown): Promise<Upload> {
  const { deviceId, samples } = readMessage(uploadSchema, body)
  if (samples.length > MAX_SAMPLES)
    throw new CouchError(
      'too_large',
      `samples: There are ${samples.length}; send at most ${MAX_SAMPLES} at once.`,
    )
  const read: Sample[] = []
  let chars = 0
  for (const [index, input] of samples.entries()) {
    const sample = readSample(input, index)
    read.push(sample)
    chars += SAMPLE_CHARS + sample.text.length
    if (chars < TURN_CHARS) continue
    chars = 0
    await setImmediate()
  }
  return { deviceId: String(deviceId), samples: read }
}

function readSample(input: unknown, index: number): Sample {
  const path = ['samples', index]
  if (!isJsonObject(input)) throw badRequest(path, 'Expected an object.')
  for (const [name, field] of SAMPLE_FIELDS) {
    const problem = memberProblem(field, memberOf(input, name))
    if (problem !== undefined) throw badRequest([...path, name], problem)
  }
  const sample = writable(input)
  if (sample === undefined) throw badRequest(path, 'The sample is nested too deeply.')
  if (sample.text.length <= MAX_SAMPLE_CHARS) return sample
  throw badRequest(path, `The sample has more than ${MAX_SAMPLE_CHARS} characters.`)
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

/** Names the member as a programmer would: `samples[7].timestamp`. */
function badRequest(path: readonly PropertyKey[], reason: string): CouchError {
  return new CouchError('bad_request', `${pathText(path)}: ${reason}`)
}
