import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { syncFile, syncFolderOf } from '../sqlite/sync-to-disk.ts'
import { StoreError } from '../store-error.ts'

/** What lies in a folder that holds a whole store: the names of its files in their order. */
const MANIFEST = 'manifest.json'
const PIECE_BYTES = 2 ** 20

type Entry = {
  readonly name: string
  /** Undefined in what a restore put aside: those files are the store's own, and have not been anywhere. */
  readonly sha256?: string | undefined
}

/** Notes what is in a folder, and waits until that is on disk. `hashed`: a backup, which goes from place to place. */
export function writeManifest(files: readonly string[], folder: string, hashed: boolean): void {
  const entries = files.map((file): Entry => {
    const name = basename(file)
    return { name, sha256: hashed ? hashOf(join(folder, name)) : undefined }
  })
  const path = join(folder, MANIFEST)
  writeFileSync(path, `${JSON.stringify({ store: 'divan', files: entries }, undefined, 2)}\n`, {
    mode: 0o600,
  })
  syncFile(path)
  syncFolderOf(path)
}

/** The files of a store that lies in a folder, after each was found to be what it was when it was put there. */
export function readManifest(folder: string): [string, ...string[]] {
  const entries = entriesOf(folder)
  for (const { name, sha256 } of entries) {
    const file = join(folder, name)
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
      throw new StoreError(`the backup is not whole: ${file} is missing`)
    if (sha256 !== undefined && hashOf(file) !== sha256)
      throw new StoreError(`the backup is damaged: ${file} is not what it was when it was made`)
  }
  const [first = '', ...others] = entries.map(({ name }) => join(folder, name))
  return [first, ...others]
}

function entriesOf(folder: string): readonly Entry[] {
  const unfit = (cause?: unknown) =>
    new StoreError(`there is no backup: ${folder} is a folder without a ${MANIFEST} of Divan's`, { cause })
  try {
    const { store, files } = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'))
    const entries: readonly Entry[] = Array.isArray(files) ? files : []
    const isFit = ({ name }: Entry) => typeof name === 'string' && name === basename(name)
    if (store === 'divan' && entries.length > 0 && entries.every(isFit)) return entries
  } catch (cause) {
    throw unfit(cause)
  }
  throw unfit()
}

function hashOf(file: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.alloc(PIECE_BYTES)
  const opened = openSync(file, 'r')
  try {
    for (let read = readSync(opened, piece); read > 0; read = readSync(opened, piece))
      hash.update(piece.subarray(0, read))
  } finally {
    closeSync(opened)
  }
  return hash.digest('hex')
}
