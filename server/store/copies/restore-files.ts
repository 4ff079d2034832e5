import { statSync } from 'node:fs'
import { filesOf, filesThere, realFirst } from '../sharded/files-of.ts'
import { checkedMarks, markIfAny } from '../sharded/set-marks.ts'
import { Connection } from '../sqlite/connection.ts'
import { copyFailure } from '../sqlite/copy-failure.ts'
import type { OpenDatabase } from '../sqlite/driver.ts'
import { realFile } from '../sqlite/real-file.ts'
import {
  draftOf,
  makeDraft,
  type Restore,
  type Restored,
  refuseUnfit,
  restoreStore,
} from '../sqlite/restore-store.ts'
import { type ShardMark, writeShardMark } from '../sqlite/shard-mark.ts'
import type { StoreFacts } from '../sqlite/store-facts.ts'
import { newUuid } from '../sqlite/store-uuid.ts'
import { syncFile } from '../sqlite/sync-to-disk.ts'
import { StoreError } from '../store-error.ts'
import { type CopiedFacts, sumOf } from './copied-facts.ts'
import { readManifest } from './manifest.ts'
import { withLocks } from './store-lock.ts'
import { removeDrafts, swapFiles } from './swap-files.ts'

/** What was restored, of how many files. */
export type RestoredFiles = Restored & CopiedFacts

/** Puts a backup, a file or a folder of files, in the place of the store, whatever that is. No server may run on it. */
export function restoreFiles(open: OpenDatabase, { file, backup }: Restore): RestoredFiles {
  const isFolder = statSync(backup, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder) refusePart(open, backup)
  if (!isFolder && filesThere(realFirst(file)).length <= 1)
    return { ...restoreStore(open, { file, backup }), files: 1 }
  const sources: readonly string[] = isFolder ? readManifest(backup) : [backup]
  if (sources.length > 1) checkedMarks(open, sources)
  return restoreShards(open, file, sources)
}

/** One file of several is not a store. */
function refusePart(open: OpenDatabase, backup: string): void {
  const found = markIfAny(open, backup)
  if (found !== undefined)
    throw new StoreError(
      `${backup} is file ${found.number} of a backup of ${found.count} files: name the folder it is in`,
    )
}

/** All files are made beside the store before the first of the old ones is touched. */
function restoreShards(open: OpenDatabase, named: string, sources: readonly string[]): RestoredFiles {
  const first = realFile(named)
  const files = filesOf(first, sources.length)
  return withLocks(open, [...filesThere(first), ...files], () => {
    try {
      const set = sources.length === 1 ? null : newUuid()
      const facts = files.map((file, at) => {
        const mark = set === null ? undefined : { set, number: at + 1, count: files.length, isBegun: false }
        return makeMarkedDraft(open, file, { backup: sources[at] ?? '', mark })
      })
      const replaced = swapFiles(open, first, { what: 'restore', count: files.length, set })
      return { ...sumOf(facts), replaced }
    } catch (cause) {
      removeDrafts(first)
      throw copyFailure(`${sources[0]} cannot be restored`, cause)
    }
  })
}

type From = { readonly backup: string; readonly mark: ShardMark | undefined }

function makeMarkedDraft(open: OpenDatabase, file: string, { backup, mark }: From): StoreFacts {
  refuseUnfit(file, backup)
  const facts = makeDraft(open, file, backup)
  const draft = new Connection(open, draftOf(file))
  try {
    writeShardMark(draft, mark)
  } finally {
    draft.close()
  }
  syncFile(draftOf(file))
  return facts
}
