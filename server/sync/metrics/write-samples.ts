import { READ_TURNS } from '../../http/read-turns.ts'
import type { Out } from '../../http/route.ts'
import { TextWriter } from '../../http/text-writer.ts'
import { type SampleRange, samplesInOrder } from './read-samples.ts'
import type { Sample } from './sample.ts'

/** How an answer is made of samples. */
export type Telling = {
  /** The session as its client named it. */
  readonly name: string
  /** Milliseconds that each sample is later than the one told before it. */
  readonly every: number
  readonly caller: string
}

/** In memory for a part of the samples, and no faster than the client reads. Without a range there are none. */
export async function writeSamples(
  out: Out,
  range: SampleRange | undefined,
  { name, every, caller }: Telling,
): Promise<void> {
  const writer = new TextWriter(out)
  const turn = async () => {
    await out.room?.()
    await READ_TURNS.next(caller)
    out.signal.throwIfAborted()
  }
  await writer.add(`{"sessionId":${JSON.stringify(name)},"samples":[\n`)
  let separator = ''
  let next = -Infinity
  for await (const samples of range === undefined ? [] : samplesInOrder(range, turn)) {
    const giveBack = out.hold?.(lengthOf(samples))
    try {
      for (const { timestamp, text } of samples) {
        if (timestamp < next) continue
        const written = writer.add(separator + text)
        if (written !== undefined) await written
        separator = ',\n'
        next = every === 0 ? next : timestamp + every
      }
    } finally {
      giveBack?.()
    }
  }
  await writer.add('\n]}\n')
  await writer.flush()
}

function lengthOf(samples: readonly Sample[]): number {
  return samples.reduce((length, { text }) => length + text.length, 0)
}
