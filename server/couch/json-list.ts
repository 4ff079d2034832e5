import type { Out } from '../http/route.ts'

/** Text is collected up to this size before it is written. */
const PIECE_CHARS = 16 * 1024

/** Writes a JSON list, one value a line, as fast as the client reads it. */
export async function writeJsonList(out: Out, values: Iterable<unknown>): Promise<void> {
  let text = '['
  let separator = '\n'
  for (const value of values) {
    text += separator + JSON.stringify(value)
    separator = ',\n'
    if (text.length < PIECE_CHARS) continue
    await out.write(text)
    text = ''
  }
  await out.write(`${text}\n]\n`)
}
