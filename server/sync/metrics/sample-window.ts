import { setImmediate } from 'node:timers/promises'
import { metricsDocId } from '../../../design-docs/doc-id.ts'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import type { JsonObject } from '../../../design-docs/json-object.ts'
import type { AttachmentEdit, Database, Edit, Revision } from '../../store/store.ts'
import { metricsDoc } from './metrics-doc.ts'
import { containsSample, type Sample, sampleOf } from './sample.ts'

/**
 * The samples of a session are divided by their own time, so that whatever pieces they come in, the same ones meet in the same few
 * documents: `metrics:<session>:at-<first millisecond>.<n>`, with n from 0 where a minute has more than one document holds.
 */
const WINDOW_MS = 60_000
/** A document is written anew with each piece that adds to it, and its rows in the mirror are, too. */
const MAX_SAMPLES_IN_CHUNK = 2_000
const MAX_CHARS_IN_CHUNK = 512 * 1024
/** All that a window has is in memory while something is added to it. */
const MAX_CHUNKS_IN_WINDOW = 64
/** More different samples of one millisecond no machine has: of those only equal ones are found, for each would be compared with all. */
const MAX_COMPARED = 8
/** Each may be compared with so many: some milliseconds. */
const TURN_SAMPLES = 500

/** Where the window begins that a moment falls into. */
export function windowStart(timestamp: number): number {
  return Math.floor(timestamp / WINDOW_MS) * WINDOW_MS
}

/** A window of a session, by its reference. */
export type WindowPlace = { readonly session: string; readonly start: number }

/** Who adds samples, and when. */
export type Author = { readonly deviceId: string; readonly now: number }

/** A document of a window. */
type Chunk = {
  readonly id: string
  /** What it says now; undefined for one that is not there yet. */
  readonly revision: Revision | undefined
  readonly members: JsonObject
  readonly samples: Set<Sample>
  chars: number
  isChanged: boolean
}

/** A sample, and the document it is in. */
type Stored = { readonly chunk: Chunk; readonly sample: Sample }

/** The samples of a window, as they are stored and with what is added. */
export class SampleWindow {
  readonly #place: WindowPlace
  readonly #chunks: Chunk[] = []
  /** Documents of the window by name, also those that no sample may be added to. */
  readonly #taken = new Set<string>()
  /** By moment, and of each by text. */
  readonly #byTime = new Map<number, Map<string, Stored>>()

  private constructor(place: WindowPlace) {
    this.#place = place
  }

  /** Reads what there is of it. Others have their turn after each document; what they write meanwhile is met as a conflict. */
  static async read(database: Database, place: WindowPlace): Promise<SampleWindow> {
    const window = new SampleWindow(place)
    for (const id of chunkIds(database, place)) {
      window.#taken.add(id)
      const chunk = storedChunk(database, id, place.session)
      if (chunk === undefined) continue
      window.#chunks.push(chunk)
      for (const sample of chunk.samples) window.#index(chunk, sample)
      await setImmediate()
    }
    return window
  }

  /** Adds samples, but those of which there is one that says as much. */
  async add(samples: readonly Sample[]): Promise<void> {
    for (const [n, sample] of samples.entries()) {
      this.#add(sample)
      if (n % TURN_SAMPLES === TURN_SAMPLES - 1) await setImmediate()
    }
  }

  /** Adds a sample, unless there is one that says as much; those that say less give way to it. */
  #add(sample: Sample): void {
    const peers = this.#byTime.get(sample.timestamp)
    if (peers?.has(sample.text)) return
    const compared = peers === undefined || peers.size > MAX_COMPARED ? [] : [...peers.values()]
    if (compared.some(peer => containsSample(peer.sample, sample))) return
    const lesser = compared.filter(peer => containsSample(sample, peer.sample))
    for (const { chunk, sample } of lesser) {
      peers?.delete(sample.text)
      chunk.samples.delete(sample)
      chunk.chars -= sample.text.length
      chunk.isChanged = true
    }
    const chunk = [...lesser.map(({ chunk }) => chunk), ...this.#chunks].find(hasRoom) ?? this.#newChunk()
    chunk.samples.add(sample)
    chunk.chars += sample.text.length
    chunk.isChanged = true
    this.#index(chunk, sample)
  }

  /** True if something was new. */
  get isChanged(): boolean {
    return this.#chunks.some(chunk => chunk.isChanged)
  }

  /** What has to be written. */
  *edits(author: Author): Generator<Edit> {
    for (const chunk of this.#chunks) if (chunk.isChanged) yield editOf(chunk, this.#place, author)
  }

  #index(chunk: Chunk, sample: Sample): void {
    const peers = this.#byTime.get(sample.timestamp)
    if (peers === undefined) this.#byTime.set(sample.timestamp, new Map([[sample.text, { chunk, sample }]]))
    else peers.set(sample.text, { chunk, sample })
  }

  #newChunk(): Chunk {
    let n = 0
    while (this.#taken.has(chunkId(this.#place, n))) n++
    const id = chunkId(this.#place, n)
    this.#taken.add(id)
    const chunk = {
      id,
      revision: undefined,
      members: {},
      samples: new Set<Sample>(),
      chars: 0,
      isChanged: true,
    }
    this.#chunks.push(chunk)
    return chunk
  }
}

/** True if a window has so many documents that nothing new may be added. */
export function isFullWindow(database: Database, place: WindowPlace): boolean {
  return chunkIds(database, place).length >= MAX_CHUNKS_IN_WINDOW
}

function hasRoom({ samples, chars }: Chunk): boolean {
  return samples.size < MAX_SAMPLES_IN_CHUNK && chars < MAX_CHARS_IN_CHUNK
}

function chunkId({ session, start }: WindowPlace, n: number | string): string {
  return metricsDocId(session, `at-${start}.${n}`)
}

function chunkIds(database: Database, place: WindowPlace): string[] {
  const range = { startKey: chunkId(place, ''), endKey: chunkId(place, '~'), withBodies: false }
  return database.docs({ ...range, limit: 10_000 }).map(({ id }) => id)
}

/** Undefined for one that somebody else wrote and that does not fit its description: it stays as it is. */
function storedChunk(database: Database, id: string, session: string): Chunk | undefined {
  const doc = metricsDoc(database, id, session)
  if (doc === undefined) return undefined
  const samples = new Set(doc.samples.map(sampleOf))
  let chars = 0
  for (const { text } of samples) chars += text.length
  return { id, revision: doc.revision, members: doc.members, samples, chars, isChanged: false }
}

function editOf({ id, revision, members, samples }: Chunk, { session }: WindowPlace, author: Author): Edit {
  // The newest of conflicting versions is shown: this one has to be, whatever clock wrote the one it was made from.
  const before = typeof members.updatedAt === 'number' ? members.updatedAt : author.now
  const updatedAt = Math.max(author.now, before)
  const head = { ...members, type: metrics.type, sessionId: session, deviceId: author.deviceId, updatedAt }
  const texts = [...samples].sort((a, b) => a.timestamp - b.timestamp).map(({ text }) => text)
  return {
    kind: 'interactive',
    id,
    parent: revision?.rev,
    deleted: false,
    body: `${JSON.stringify(head).slice(0, -1)},"${metrics.rows.member}":[${texts.join(',')}]}`,
    attachments: revision?.attachments?.map(stubOf),
  }
}

function stubOf({ name, contentType, digest, revpos }: AttachmentEdit): AttachmentEdit {
  return { name, contentType, digest, revpos }
}
