import { messageOf, OperatorError } from '../operator-error.ts'
import type { DemoParts } from './demo-parts.ts'
import { type Arrival, rowsIn, type Summary } from './mirror-view.ts'
import { type LiveSync, liveSync, openRemote, writeDocs } from './phone.ts'
import { timeText } from './screen.ts'

/** A change that takes longer than this to reach the server does not reach it. */
const PUSH_MS = 20_000

/** The phone stays online: what happens on it is in Postgres a moment later. Tells whether it was. */
export async function stayOnline(parts: DemoParts): Promise<boolean> {
  const { screen, phone, target } = parts
  screen.heading('The phone stays online')
  const live = liveSync(phone.local, openRemote(`${target.url}/me`, target.token))
  try {
    await inTime(live.idle, 'live replication does not start')
    return (await finishSession(parts, live)) && (await deleteMistake(parts, live))
  } catch (cause) {
    throw new OperatorError(`live replication stopped: ${messageOf(cause)}`, { cause })
  } finally {
    await live.close()
  }
}

async function finishSession(parts: DemoParts, live: LiveSync): Promise<boolean> {
  const { history, phone, screen } = parts
  const [session] = history.liveDocs
  const name = `${session.exerciseName}, ${session.workingReps} × ${session.weightPerCableKg} kg`
  if ((await stateOf(parts, session._id)) === 'live') {
    screen.done(`the session of last time is here: ${name}`)
    return true
  }
  const before = await parts.mirror?.summary()
  return await showChange(parts, live, {
    id: session._id,
    done: `finished one more session: ${name}`,
    inMirror: 'a row in Postgres',
    write: () => writeDocs(phone.local, history.liveDocs),
    isThere: summary => rowsIn(summary, SESSIONS) > rowsIn(before ?? [], SESSIONS),
  })
}

async function deleteMistake(parts: DemoParts, live: LiveSync): Promise<boolean> {
  const { history, phone, screen } = parts
  const { _id } = history.mistake
  if ((await stateOf(parts, _id)) === 'deleted') {
    screen.done('the session that was started by mistake is deleted already')
    return true
  }
  const before = await parts.mirror?.summary()
  return await showChange(parts, live, {
    id: _id,
    done: 'deleted a session that was started by mistake',
    inMirror: 'its row marked in Postgres',
    write: async () => void (await phone.local.remove(await phone.local.get(_id))),
    isThere: summary => deletedIn(summary) > deletedIn(before ?? []),
  })
}

const SESSIONS = 'workout_sessions'

function deletedIn(summary: Summary): number {
  return summary.find(({ table }) => table === SESSIONS)?.deletedRows ?? 0
}

type Change = {
  readonly id: string
  readonly done: string
  readonly inMirror: string
  write(): Promise<void>
  isThere(summary: Summary): boolean
}

/** Makes the change on the phone, and tells when it was on the server and when in Postgres. */
async function showChange({ mirror, screen }: DemoParts, live: LiveSync, change: Change): Promise<boolean> {
  const pushed = live.pushed(change.id)
  await change.write()
  const startedAt = performance.now()
  const mirrored: Promise<Arrival | undefined> =
    mirror?.waitUntil(change.isThere) ?? Promise.resolve(undefined)
  await inTime(pushed, 'a change does not reach the server')
  const onServer = `on the server after ${timeText(performance.now() - startedAt)}`
  const arrival = await mirrored
  screen.done(change.done)
  if (arrival === undefined) screen.detail(onServer)
  else if (arrival.hasArrived) screen.detail(`${onServer}, ${change.inMirror} after ${timeText(arrival.ms)}`)
  else screen.failed('it did not reach Postgres; is the bridge running? See npx divan dead-letters')
  return arrival?.hasArrived ?? true
}

async function stateOf({ phone }: DemoParts, id: string): Promise<'live' | 'deleted' | 'missing'> {
  const { rows } = await phone.local.allDocs({ keys: [id] })
  const [row] = rows
  if (row === undefined || 'error' in row) return 'missing'
  return row.value.deleted ? 'deleted' : 'live'
}

async function inTime<T>(promise: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${PUSH_MS / 1000} s`)), PUSH_MS)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
