import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { CouchError } from '../../couch-error.ts'
import { type BodyRoom, roomOf } from '../../http/arriving-bodies.ts'
import { UnpackedBytes, unpacked } from '../../http/body-stream.ts'
import { multipartBoundary, multipartParts, type ReceivedPart } from '../../http/multipart-reader.ts'
import { fileNames } from '../../http/part-name.ts'
import { readBytes } from '../../http/read-bytes.ts'
import type { Call } from '../../http/route.ts'
import type { AttachmentEdit, Database, Edit } from '../../store/store.ts'
import { type AttachmentBody, receiveAttachment } from '../content/attachment-body.ts'
import { checkAttachmentSize } from '../content/attachment-input.ts'
import type { RawDoc } from '../content/doc-input.ts'
import { maxSourceBytes } from '../content/doc-source.ts'
import { withParsedDoc } from '../content/parsed-doc.ts'
import type { CouchContext } from '../couch-context.ts'
import { type Follows, readFollows } from './follows.ts'

/** Of one document's small attachments, which go with their edit. What comes after these goes into the store at once. */
const MAX_MEMORY_BYTES = 8 * 1024 * 1024
/**
 * One that is no longer than what it counts towards its document's size by itself goes with its edit in any case: so many can come that
 * a commit for each would hold up others, and so few that they fit in memory.
 */
const TINY_BYTES = 512

export type MultipartOptions = Pick<CouchContext, 'limits' | 'memoryGate'> & {
  readonly database: Database
  /** What the document asks for. In it the attachments that follow are stubs. */
  readonly editOf: (doc: RawDoc) => Edit
}

/**
 * Receives a document in multipart/related, as CouchDB's replicator sends one that has attachments: its JSON, and behind it a part for
 * each attachment with `"follows": true`. Once all of it is here `write` is given the edit. What is refused or cut off leaves nothing.
 */
export async function receiveMultipartDoc<Result>(
  call: Pick<Call, 'stream' | 'headers' | 'signal'>,
  options: MultipartOptions,
  write: (edit: Edit) => Promise<Result>,
): Promise<Result> {
  const { stream, headers, signal } = call
  const boundary = multipartBoundary(headers['content-type'] ?? '')
  const parts = multipartParts(stream as AsyncIterable<Uint8Array>, boundary)
  const bodies = new Map<string, AttachmentBody>()
  try {
    const unpacking = { count: new UnpackedBytes(isPacked(headers)), room: roomOf(stream) }
    const { edit, body, follows } = await receiveDoc(await parts.next(), { ...options, ...unpacking }, call)
    await receiveBodies(parts, follows, { ...options, ...unpacking, bodies, docBytes: body.length })
    const leave = await options.memoryGate.enter(body.length, signal)
    try {
      return await write({ ...edit, body: body.toString(), attachments: withBodies(edit, bodies) })
    } finally {
      leave()
    }
  } finally {
    // Not `parts.return()`: it waits until the bytes that were asked for last have come, and a refused client may send none.
    ;(stream as Readable).destroy()
    for (const received of bodies.values()) await received.close()
  }
}

/** What all parts of a request have in common. */
type Unpacking = {
  readonly count: UnpackedBytes
  /** Of what waits in memory. */
  readonly room: BodyRoom | undefined
}

/** Whether the request itself is compressed. */
function isPacked(headers: Call['headers']): boolean {
  return !/^(identity)?$/i.test((headers['content-encoding'] ?? '').trim())
}

/** While a client takes its time to send the parts, the document's text waits outside of the heap. */
type Received = { readonly edit: Edit; readonly body: Buffer; readonly follows: readonly Follows[] }

async function receiveDoc(
  { done, value: part }: IteratorResult<ReceivedPart, void>,
  { limits, memoryGate, editOf, ...unpacking }: MultipartOptions & Unpacking,
  call: Pick<Call, 'signal'>,
): Promise<Received> {
  if (done || part === undefined) throw new CouchError('bad_request', 'The multipart body has no parts')
  const source = await readDocPart(part, maxSourceBytes(limits), unpacking)
  return withParsedDoc(source, { limits, memoryGate, call }, parsed => {
    const { doc, follows } = readFollows(parsed, source)
    const edit = editOf(doc)
    for (const { name, length = 0, encoding } of follows)
      if (encoding === '') checkAttachmentSize(name, length, limits.maxAttachmentBytes)
    return { edit: { ...edit, body: '' }, body: Buffer.from(edit.body), follows }
  })
}

function readDocPart(part: ReceivedPart, maxBytes: number, unpacking: Unpacking): Promise<Buffer> {
  const type = part.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new CouchError(
      'bad_content_type',
      `Content-Type of part 1, the document, must be application/json, not "${type}"`,
    )
  const bytes = Readable.from(part.body, { objectMode: false })
  const encoding = part.headers.get('content-encoding') ?? ''
  const plain = unpacked(bytes, encoding, 'Part 1, the document,', unpacking.count)
  const check = (length: number) => {
    if (length > maxBytes)
      throw new CouchError('too_large', `Part 1, the document, is larger than ${maxBytes} bytes.`)
  }
  return readBytes(plain, check, unpacking.room)
}

type Receiving = MultipartOptions &
  Unpacking & { readonly bodies: Map<string, AttachmentBody>; readonly docBytes: number }

async function receiveBodies(
  parts: AsyncGenerator<ReceivedPart, void>,
  follows: readonly Follows[],
  receiving: Receiving,
): Promise<void> {
  const awaited = new Map(follows.map(attachment => [attachment.name, attachment]))
  const numbers = new Map<string, number>()
  let inMemory = 0
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const part = next.value
    const attachment = attachmentOf(part, awaited, numbers)
    const body = await receiveBody(part, attachment, {
      ...receiving,
      maxMemoryBytes: Math.max(MAX_MEMORY_BYTES - inMemory, TINY_BYTES),
    })
    receiving.bodies.set(attachment.name, body)
    awaited.delete(attachment.name)
    numbers.set(attachment.name, part.number)
    if ('data' in body.bytes) inMemory += body.bytes.data?.length ?? 0
    await receiving.room?.keep(receiving.docBytes + inMemory)
  }
  const [missing] = awaited.values()
  if (missing !== undefined)
    throw new CouchError(
      'bad_request',
      `Attachment "${missing.name}" follows, but there are only ${numbers.size} parts behind the document`,
    )
}

/**
 * Parts come in the order of `_attachments`, and CouchDB looks at nothing else. A part that names another attachment of the document is
 * that one's: its sender had another order, and bytes under the wrong name are worse than an error. Names that the document does not
 * have mean nothing.
 */
function attachmentOf(
  part: ReceivedPart,
  awaited: ReadonlyMap<string, Follows>,
  numbers: ReadonlyMap<string, number>,
): Follows {
  const [next] = awaited.values()
  if (next === undefined)
    throw new CouchError(
      'bad_request',
      `Part ${part.number} is one too many: only ${numbers.size} attachments follow`,
    )
  const names = fileNames(part.headers.get('content-disposition'))
  if (names.has(next.name)) return next
  for (const name of names) {
    const named = awaited.get(name)
    if (named !== undefined) return named
    if (numbers.has(name))
      throw new CouchError(
        'bad_request',
        `Part ${part.number} is named "${name}", as part ${numbers.get(name)} was`,
      )
  }
  return next
}

async function receiveBody(
  part: ReceivedPart,
  attachment: Follows,
  { database, limits, maxMemoryBytes, count }: Receiving & { readonly maxMemoryBytes: number },
): Promise<AttachmentBody> {
  const what = `Attachment "${attachment.name}" (part ${part.number})`
  checkHeaders(part, attachment, what)
  const arriving = new Arriving(part.body, attachment, what)
  const bytes = Readable.from(arriving.bytes(), { objectMode: false })
  const body = await receiveAttachment(unpacked(bytes, attachment.encoding, what, count), database, {
    headers: {},
    name: attachment.name,
    maxBytes: limits.maxAttachmentBytes,
    maxMemoryBytes,
  })
  try {
    arriving.checkEnd()
    return body
  } catch (error) {
    await body.close()
    throw error
  }
}

/** What a part says of how its bytes are written has to be what the document says, or one of them would be stored wrongly. */
function checkHeaders({ headers }: ReceivedPart, { encoding }: Follows, what: string): void {
  const packed = (headers.get('content-encoding') ?? '').toLowerCase()
  const isOther = packed !== '' && packed !== (encoding === '' ? 'identity' : encoding.toLowerCase())
  if (isOther)
    throw new CouchError(
      'bad_request',
      `${what} has Content-Encoding ${packed}, but its "encoding" is "${encoding || 'identity'}"`,
    )
  const transfer = (headers.get('content-transfer-encoding') ?? 'binary').toLowerCase()
  if (transfer === 'base64' || transfer === 'quoted-printable')
    throw new CouchError(
      'bad_content_type',
      `${what} has Content-Transfer-Encoding ${transfer}, which is not supported; send its bytes as they are`,
    )
}

/** The bytes of a part as they come, measured by what the document says of them. */
class Arriving {
  readonly #source: AsyncIterable<Uint8Array>
  readonly #attachment: Follows
  readonly #what: string
  readonly #hash: Hash | undefined
  #length = 0

  constructor(source: AsyncIterable<Uint8Array>, attachment: Follows, what: string) {
    this.#source = source
    this.#attachment = attachment
    this.#what = what
    this.#hash = attachment.md5 === undefined ? undefined : createHash('md5')
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const { length = Number.POSITIVE_INFINITY } = this.#attachment
    for await (const chunk of this.#source) {
      this.#length += chunk.length
      if (this.#length > length)
        throw new CouchError(
          'bad_request',
          `${this.#what} is longer than the ${length} bytes it is said to have`,
        )
      this.#hash?.update(chunk)
      yield chunk
    }
  }

  /** As CouchDB compares it, a digest is that of the bytes as they travel. */
  checkEnd(): void {
    const { length, md5 } = this.#attachment
    if (length !== undefined && this.#length < length)
      throw new CouchError(
        'bad_request',
        `${this.#what} has ${this.#length} bytes, fewer than the ${length} it is said to have`,
      )
    if (md5 !== undefined && this.#hash?.digest('base64') !== md5)
      throw new CouchError('content_md5_mismatch', `${this.#what} does not have the digest it came with.`)
  }
}

function withBodies(
  { attachments }: Edit,
  bodies: ReadonlyMap<string, AttachmentBody>,
): readonly AttachmentEdit[] | undefined {
  return attachments?.map(attachment => ({ ...attachment, ...bodies.get(attachment.name)?.bytes }))
}
