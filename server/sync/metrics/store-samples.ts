import { setImmediate } from 'node:timers/promises'
import { CouchError } from '../../couch-error.ts'
import type { Database, Edit } from '../../store/store.ts'
import type { Upload } from './metrics-message.ts'
import type { Sample } from './sample.ts'
import { type Author, isFullWindow, SampleWindow, windowStart } from './sample-window.ts'

/** Of edits that wait to be written together. */
const BATCH_CHARS = 1024 * 1024
/** What the store may keep of versions that are over, beside as much again as there is. */
const MAX_WASTE_BYTES = 4 * 1024 * 1024
/** Windows that are looked at before others have their turn. */
const TURN_WINDOWS = 100
/** A device that replicates may write the same documents meanwhile; more often it does not. */
const ATTEMPTS = 5

type Windows = ReadonlyMap<number, readonly Sample[]>

/**
 * Adds the samples of an upload to those of its session. Resolves when all are on disk; what was there already is not written again.
 * One at a time for a user.
 */
export async function storeSamples(
  database: Database,
  session: string,
  { deviceId, samples }: Upload,
): Promise<void> {
  let windows: Windows = byWindow(samples)
  await checkRoom(database, session, windows)
  for (let attempt = 1; windows.size > 0; attempt++) {
    if (attempt > ATTEMPTS) throw tooBusy()
    windows = await writeWindows(database, session, { windows, author: { deviceId, now: Date.now() } })
  }
  if (isWasteful(database)) await database.askCompaction()
}

/** Each piece that comes writes documents anew, and what they were before nobody needs: with small pieces that was a gigabyte for a minute. */
function isWasteful(database: Database): boolean {
  const { storedBytes, activeBytes } = database.facts()
  return storedBytes > 2 * activeBytes + MAX_WASTE_BYTES
}

/**
 * Nothing is stored of an upload that does not fit. One that brings nothing new does, or its device would send it for ever.
 * @throws CouchError `too_large`
 */
async function checkRoom(database: Database, session: string, windows: Windows): Promise<void> {
  let looked = 0
  for (const [start, samples] of windows) {
    if (++looked % TURN_WINDOWS === 0) await setImmediate()
    if (!isFullWindow(database, { session, start })) continue
    const window = await SampleWindow.read(database, { session, start })
    await window.add(samples)
    if (window.isChanged)
      throw new CouchError('too_large', `The minute at ${start} has too many samples already.`)
  }
}

function byWindow(samples: readonly Sample[]): Windows {
  const windows = new Map<number, Sample[]>()
  for (const sample of samples) {
    const start = windowStart(sample.timestamp)
    const window = windows.get(start)
    if (window === undefined) windows.set(start, [sample])
    else window.push(sample)
  }
  return windows
}

/** Returns the windows that somebody else has written meanwhile: they are to be read again. */
async function writeWindows(
  database: Database,
  session: string,
  { windows, author }: { readonly windows: Windows; readonly author: Author },
): Promise<Windows> {
  const again = new Map<number, readonly Sample[]>()
  let batch: { readonly start: number; readonly edit: Edit }[] = []
  let chars = 0
  const flush = async () => {
    const outcomes = await database.write(batch.map(({ edit }) => edit))
    for (const [index, { start }] of batch.entries())
      if (outcomes[index]?.ok !== true) again.set(start, windows.get(start) ?? [])
    batch = []
    chars = 0
  }
  for (const [start, samples] of windows) {
    const window = await SampleWindow.read(database, { session, start })
    await window.add(samples)
    for (const edit of window.edits(author)) {
      batch.push({ start, edit })
      chars += edit.body.length
      if (chars > BATCH_CHARS) await flush()
    }
    await setImmediate()
  }
  if (batch.length > 0) await flush()
  return again
}

function tooBusy(): CouchError {
  const headers = { 'Retry-After': '1' }
  return new CouchError('service_unavailable', 'Others write these samples, too: try again.', { headers })
}
