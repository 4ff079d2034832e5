import type { MirrorState } from '../bridge/watch/mirror-state.ts'
import type { Paint } from './command.ts'
import { printableText } from './printable-text.ts'

/** One of the parts that must be up. */
export type PartStatus = {
  readonly name: string
  /** Without credentials. */
  readonly where: string
  readonly isUp: boolean
  /** `ok`, or what is wrong. */
  readonly words: string
  /** A line each for what is wrong though it is up. */
  readonly notes?: readonly string[]
}

/** What Postgres tells, and whether a bridge was seen that hears of all that changes: marks know only what one has heard. */
export type SeenMirror = MirrorState & { readonly isFollowed: boolean }

/** A screen has no room for all that lag. */
const MAX_LAGGING = 5

/** What `divan status` prints. `mirror` is undefined where Postgres did not tell, or knows of none. */
export function statusLines(
  parts: readonly PartStatus[],
  mirror: SeenMirror | undefined,
  paint: Paint,
): readonly string[] {
  const width = Math.max(...parts.map(({ where }) => where.length))
  return [
    ...parts.flatMap(({ name, where, isUp, words, notes = [] }) => [
      row(name, `${where.padEnd(width)}  ${paint(isUp ? 'green' : 'bold', printableText(words))}`),
      ...notes.map(note => row('', paint('bold', printableText(note)))),
    ]),
    ...(mirror === undefined ? [] : ['', ...mirrorLines(mirror), ...letterLines(mirror)]),
  ]
}

function mirrorLines(mirror: SeenMirror): readonly string[] {
  const { databases, lagging, lastBatchAt } = mirror
  return [
    row('Databases', `${databases} mirrored, ${behindText(mirror)}`),
    ...lagging
      .slice(0, MAX_LAGGING)
      .map(({ database, seconds }) => row('', `${timeText(seconds).padEnd(8)}${database}`)),
    row('Last batch', lastBatchAt === undefined ? 'none yet' : lastBatchText(lastBatchAt)),
  ]
}

function behindText({ dirty, lagging, isFollowed }: SeenMirror): string {
  const limit = isFollowed ? '' : ', as far as a bridge has heard'
  if (dirty > 0) return `${dirty} behind, the first for ${timeText(lagging[0]?.seconds ?? 0)}${limit}`
  return `${isFollowed ? 'all as the server has them' : 'none behind'}${limit}`
}

function lastBatchText(at: Date): string {
  const seconds = Math.max(0, (Date.now() - at.getTime()) / 1000)
  return `${timeText(seconds)} ago, ${at.toISOString().slice(0, 19)}Z`
}

function letterLines({ letters }: MirrorState): readonly string[] {
  const count = letters.reduce((sum, letter) => sum + letter.count, 0)
  if (count === 0) return [row('Dead letters', 'none: every document has its rows')]
  return [
    row('Dead letters', `${count}; npx divan dead-letters tells what is wrong with each`),
    ...letters.map(({ entity, kind, count }) => row('', `${String(count).padEnd(8)}${entity}, ${kind}`)),
  ]
}

/** 45 s, 12 min, 3 h, 2 d. */
function timeText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(14)}${value}`.trimEnd()
}
