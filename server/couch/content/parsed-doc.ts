import { parsedBytes } from '../../http/json-weight.ts'
import type { CouchContext } from '../couch-context.ts'
import { type RawDoc, rawDoc } from './doc-input.ts'
import { parseDocSource } from './doc-source.ts'

type ParseOptions = Pick<CouchContext, 'limits' | 'memoryGate'> & { readonly signal: AbortSignal }

/**
 * Parses one document's text and gives it to `use`; others wait for the room that a large one takes until that is done.
 * @throws CouchError unless it is a JSON object, no larger than documents may be
 */
export async function withParsedDoc<Result>(
  source: Buffer,
  { limits, memoryGate, signal }: ParseOptions,
  use: (doc: RawDoc) => Result | Promise<Result>,
): Promise<Result> {
  const leave = await memoryGate.enter(parsedBytes(source), signal)
  try {
    return await use(rawDoc(source.length === 0 ? undefined : parseDocSource(source, limits)))
  } finally {
    leave()
  }
}
