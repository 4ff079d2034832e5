import { linkSync, lstatSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { StoreError } from '../store-error.ts'

/** What lies beside a store and belongs to it, after the store's name. */
const OWN_SUFFIX =
  /^(-(wal|shm|journal)|\.(lock|restoring|partial)(-(wal|shm|journal))?|\.unfinished-restore(\.draft)?|\.replaced-.*)$/

/** What systems say that know no second name of a file, such as FAT. */
const NO_LINKS: ReadonlySet<unknown> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** What a backup is called until it is whole. One that a kill left behind is replaced by the next. */
export function draftOf(target: string): string {
  return `${target}.partial`
}

/** Refuses a name that is taken, if only by a link that leads nowhere, or that would get in the way of the store. `file` has no links. */
export function refuseUnfitTarget(file: string, target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) throw taken(target)
  const real = join(realFolderOf(target), basename(target))
  const isOwn = real.startsWith(file) && OWN_SUFFIX.test(real.slice(file.length))
  if (isOwn || draftOf(real) === file) throw ownName(target)
}

/** Refuses the names that a store has for all the files it may have one day. */
export function refuseNameOf(files: readonly string[], target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) throw taken(target)
  const real = join(realFolderOf(target), basename(target))
  if (files.includes(real)) throw ownName(target)
}

function ownName(target: string): StoreError {
  return new StoreError(`${target} is a name that the store has for files of its own: choose another`)
}

/** Gives a whole backup its name. Never in the place of what appeared there meanwhile: a rename would replace it. */
export function nameBackup(target: string): void {
  const draft = draftOf(target)
  try {
    linkSync(draft, target)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EEXIST') throw taken(target, cause)
    if (!NO_LINKS.has(code)) throw cause
    if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) throw taken(target, cause)
    renameSync(draft, target)
  }
  rmSync(draft, { force: true })
}

function taken(target: string, cause?: unknown): StoreError {
  return new StoreError(`${target} exists: a backup overwrites nothing`, { cause })
}

/** One that is not there is refused when the draft is made. */
function realFolderOf(target: string): string {
  try {
    return realpathSync(dirname(target))
  } catch {
    return dirname(target)
  }
}
