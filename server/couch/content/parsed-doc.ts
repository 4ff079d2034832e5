import { parsedBytes } from '../../http/json-weight.ts'
import { isHeavy } from '../../http/memory-gate.ts'
import type { Call } from '../../http/route.ts'
import type { CouchContext } from '../couch-context.ts'
import { type RawDoc, rawDoc } from './doc-input.ts'
import { parseDocSource } from './doc-source.ts'

type ParseOptions = Pick<CouchContext, 'limits' | 'memoryGate'> & {
  /** Who waits for the answer. */
  readonly call: Pick<Call, 'signal'>
}

/**
 * Parses one document's text and gives it to `use`; others wait for the room that a large one takes until that is done.
 * @throws CouchError unless it is a JSON object, no larger than documents may be
 */
export function withParsedDoc<Result>(
  source: Buffer,
  options: ParseOptions,
  use: (doc: RawDoc) => Result | Promise<Result>,
): Result | Promise<Result> {
  const bytes = parsedBytes(source)
  return isHeavy(bytes) ? withHeavyDoc(source, bytes, options, use) : use(parsedDoc(source, options.limits))
}

async function withHeavyDoc<Result>(
  source: Buffer,
  bytes: number,
  { limits, memoryGate, call }: ParseOptions,
  use: (doc: RawDoc) => Result | Promise<Result>,
): Promise<Result> {
  const leave = await memoryGate.enter(bytes, call.signal)
  try {
    return await use(parsedDoc(source, limits))
  } finally {
    leave()
  }
}

function parsedDoc(source: Buffer, limits: CouchContext['limits']): RawDoc {
  return rawDoc(source.length === 0 ? undefined : parseDocSource(source, limits))
}
