import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject } from '../../../design-docs/json-object.ts'
import { CouchError } from '../../couch-error.ts'
import { type BodyRoom, roomOf } from '../../http/arriving-bodies.ts'
import { parseJson } from '../../http/json-body.ts'
import { parsedBytes } from '../../http/json-weight.ts'
import type { MemoryGate } from '../../http/memory-gate.ts'
import type { DocLimits } from '../content/doc-input.ts'
import { isSourceTooLarge, maxSourceBytes } from '../content/doc-source.ts'
import { DocScanner } from './doc-scanner.ts'
import { type CutValue, idInText } from './value-cut.ts'

/** A body up to here is parsed at once; a larger one goes by way of a file, so that memory holds one batch of documents. */
const MAX_MEMORY_BYTES = 8 * 1024 * 1024
/** And one that takes no more than this once it is parsed. */
const MAX_PARSED_BYTES = 4 * MAX_MEMORY_BYTES
/** Every document gets a row of the answer, which waits in memory: eight megabytes of `{},` ended the process. */
const MAX_DOCS = 200_000
const READ_BYTES = 256 * 1024

/** A document of the body, or the id of one that is too large to read. */
export type BulkDoc = { readonly doc: unknown } | { readonly tooLarge: true; readonly id: string }

/** A `_bulk_docs` body once all of it has arrived. */
export type BulkBody = {
  readonly newEdits: boolean
  /** The documents, in as many portions as there are reads. */
  docs(): AsyncIterable<readonly BulkDoc[]> | Iterable<readonly BulkDoc[]>
  close(): Promise<void>
}

export type BulkBodyOptions = {
  /** Where large bodies wait. Made when it is needed. */
  readonly uploadsFolder: string
  readonly limits: DocLimits
  readonly memoryGate: MemoryGate
  /** Aborts when nobody waits for the answer. */
  readonly signal: AbortSignal
}

/**
 * Receives a `_bulk_docs` body of any size. PouchDB puts `new_edits` after the documents and the end may turn out not to be
 * JSON, so that nothing can be written before the last byte is here.
 */
export async function receiveBulkBody(
  stream: AsyncIterable<Uint8Array>,
  options: BulkBodyOptions,
): Promise<BulkBody> {
  const iterator = stream[Symbol.asyncIterator]()
  const room = roomOf(stream)
  const chunks: Uint8Array[] = []
  let length = 0
  while (length <= MAX_MEMORY_BYTES) {
    const next = await iterator.next()
    if (next.done) return gatheredBody(Buffer.concat(chunks, length), options)
    chunks.push(next.value)
    length += next.value.length
    await room?.keep(length)
  }
  return spooledBody({ chunks, rest: iterator, room }, options)
}

/** A short body may still be a heavy one, `{},` over and over. */
function gatheredBody(bytes: Buffer, options: BulkBodyOptions): Promise<BulkBody> {
  const weight = parsedBytes(bytes)
  if (weight <= MAX_PARSED_BYTES) return parsedBody(bytes, weight, options)
  return spooledBody({ chunks: [bytes], rest: [][Symbol.iterator]() }, options)
}

async function parsedBody(
  bytes: Buffer,
  weight: number,
  { memoryGate, signal }: BulkBodyOptions,
): Promise<BulkBody> {
  const leave = await memoryGate.enter(weight, signal)
  try {
    return { ...parse(bytes), close: async () => leave() }
  } catch (error) {
    leave()
    throw error
  }
}

function parse(bytes: Buffer): Omit<BulkBody, 'close'> {
  const body = parseJson(bytes)
  if (!isJsonObject(body)) throw new CouchError('bad_request', 'Request body must be a JSON object')
  const { docs, new_edits: newEdits } = body
  if (docs === undefined) throw missingDocs()
  if (!Array.isArray(docs)) throw new CouchError('bad_request', '`docs` parameter must be an array.')
  checkCount(docs.length)
  const all = docs.map((doc: unknown) => ({ doc }))
  return { newEdits: readNewEdits(newEdits), docs: () => [all] }
}

type Arriving = {
  readonly chunks: readonly Uint8Array[]
  readonly rest: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  /** Of what is in memory. */
  readonly room?: BodyRoom | undefined
}

async function spooledBody(arriving: Arriving, options: BulkBodyOptions): Promise<BulkBody> {
  const file = await openNameless(options.uploadsFolder)
  try {
    const { scanner, largest } = await spool(arriving, file, options)
    const { members, hasDocs } = scanner
    if (!hasDocs && members.has('docs'))
      throw new CouchError('bad_request', '`docs` parameter must be an array.')
    if (!hasDocs) throw missingDocs()
    const newEdits = readNewEdits(members.get('new_edits'))
    const leave = await options.memoryGate.enter(largest, options.signal)
    const close = async () => {
      leave()
      await file.close()
    }
    return { newEdits, docs: () => docsOf(file, options.limits), close }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** A file that has lost its name already: whatever ends this process, nothing is left behind. */
async function openNameless(folder: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `bulk-docs-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}

type Spooled = { readonly scanner: DocScanner; readonly largest: number }

/** Writes the body to the file and makes sure that it is JSON. Also tells how long its longest document is. */
async function spool(
  { chunks, rest, room }: Arriving,
  file: FileHandle,
  { limits, memoryGate, signal }: BulkBodyOptions,
): Promise<Spooled> {
  const scanner = new DocScanner(maxSourceBytes(limits))
  let count = 0
  let largest = 0
  let unfinished = 0
  const take = async (chunk: Uint8Array) => {
    const found = scanner.push(asBuffer(chunk))
    count += found.length
    checkCount(count)
    unfinished = found.length > 0 ? chunk.length : unfinished + chunk.length
    for (const cut of found) {
      const bytes = cut.kind === 'whole' ? parsedBytes(cut.source) : 0
      largest = Math.max(largest, bytes)
      const leave = await memoryGate.enter(bytes, signal)
      try {
        bulkDoc(cut, limits)
      } finally {
        leave()
      }
    }
    await file.writeFile(chunk)
  }
  for (const chunk of chunks) await take(chunk)
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    await take(next.value)
    await room?.keep(unfinished)
  }
  scanner.end()
  return { scanner, largest }
}

async function* docsOf(file: FileHandle, limits: DocLimits): AsyncGenerator<readonly BulkDoc[]> {
  const scanner = new DocScanner(maxSourceBytes(limits))
  for (let position = 0; ; ) {
    // A new one each time: the scanner keeps parts of it until a document is whole.
    const buffer = new Uint8Array(READ_BYTES)
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield scanner.push(asBuffer(buffer.subarray(0, bytesRead))).map(source => bulkDoc(source, limits))
  }
}

function bulkDoc(cut: CutValue, limits: DocLimits): BulkDoc {
  if (cut.kind === 'too_large') return { tooLarge: true, id: cut.id }
  if (isSourceTooLarge(cut.source, limits)) return { tooLarge: true, id: idInText(cut.source) }
  return { doc: parseJson(cut.source) }
}

function checkCount(docs: number): void {
  if (docs > MAX_DOCS) throw new CouchError('too_large', `\`docs\` has more than ${MAX_DOCS} documents`)
}

function readNewEdits(value: unknown): boolean {
  if (value === undefined) return true
  if (typeof value === 'boolean') return value
  throw new CouchError('bad_request', '`new_edits` must be true or false')
}

function missingDocs(): CouchError {
  return new CouchError('bad_request', 'POST body must include `docs` parameter.')
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
