import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { filesOf, filesThere } from '../sharded/files-of.ts'
import { checkedMarks, findMark, shardsOf } from '../sharded/set-marks.ts'
import { Connection } from '../sqlite/connection.ts'
import { copyFailure } from '../sqlite/copy-failure.ts'
import type { OpenDatabase } from '../sqlite/driver.ts'
import { checkedFormat, createTables } from '../sqlite/prepare-file.ts'
import { foldLog } from '../sqlite/put-aside.ts'
import { realFile } from '../sqlite/real-file.ts'
import { refuseUnfinishedRestore } from '../sqlite/restore-mark.ts'
import { draftOf, type Restored, removeRestoreDraft } from '../sqlite/restore-store.ts'
import type { ShardMark } from '../sqlite/shard-mark.ts'
import { readStoreFacts, type StoreFacts } from '../sqlite/store-facts.ts'
import { newUuid, storedUuid } from '../sqlite/store-uuid.ts'
import { syncFile } from '../sqlite/sync-to-disk.ts'
import { upgradeFile } from '../sqlite/upgrade-file.ts'
import { StoreError } from '../store-error.ts'
import { type CopiedFacts, sumOf } from './copied-facts.ts'
import { copyShare } from './copy-share.ts'
import { withLocks } from './store-lock.ts'
import { finishSwap, removeDrafts, swapFiles, unfinishedSwap } from './swap-files.ts'

export type Division = {
  /** The store's first file. */
  readonly file: string
  /** Over how many files it is to be divided. */
  readonly count: number
}

/**
 * Divides a store anew over so many files. No server may run on it. What a client knows stays as it is: histories, sequences of databases,
 * replication logs, the uuid. Only the log of all databases' updates begins anew, and who follows it is led to its beginning.
 */
export function divideFiles(open: OpenDatabase, { file, count }: Division): Restored & CopiedFacts {
  const first = realFile(file)
  const files = filesOf(first, count)
  return withLocks(open, [...filesThere(first), ...files], () => {
    try {
      finishEarlier(open, first)
      const old = oldFiles(open, first, count)
      const set = count === 1 ? null : newUuid()
      const facts = makeDrafts(open, old, { files, set })
      const replaced = swapFiles(open, first, { what: 'division', count, set })
      return { ...facts, replaced }
    } catch (cause) {
      removeDrafts(first)
      throw copyFailure(`${first} cannot be divided`, cause)
    }
  })
}

/** What was cut off when the files had begun to take their places goes on from there. */
function finishEarlier(open: OpenDatabase, first: string): void {
  const swap = unfinishedSwap(first)
  if (swap?.what !== 'division' || finishSwap(open, first, swap)) return
  // Not gone on with here: on Node 20 the connections that looked at the marks would be in the way.
  throw new StoreError(`the division of ${first} that was cut off had changed nothing yet: run it again`)
}

/** The files of the store as it is, each with all of it in the one file. Their logs first: a connection of ours would be in the way. */
function oldFiles(open: OpenDatabase, first: string, count: number): readonly string[] {
  const there = filesThere(first)
  if (there[0] !== first) throw new StoreError(`there is no store to divide: ${first} does not exist`)
  // Whatever else was cut off has left no store that one could read.
  for (const file of there) refuseUnfinishedRestore(realFile(file))
  for (const file of there)
    if (!foldLog(open, file)) throw new StoreError(`${file} is no store that can be read`)
  const shards = shardsOf(open, first)
  const files = filesOf(first, shards)
  if (shards > 1) checkedMarks(open, files)
  if (shards === count)
    throw new StoreError(`${first} is divided over ${count} already: nothing is to be done`)
  // One that was not made yet, by a start that was killed, holds nothing.
  const made = files.filter(file => findMark(open, file) !== 'nothing')
  if (made.length === 0) throw new StoreError(`there is no store to divide: ${first} is empty`)
  return made
}

type Fresh = { readonly files: readonly string[]; readonly set: string | null }

function makeDrafts(open: OpenDatabase, old: readonly string[], { files, set }: Fresh): CopiedFacts {
  const before = sumOf(old.map(file => upgraded(open, file)))
  const uuid = uuidOf(open, old[0] ?? '')
  const facts = files.map((file, at) => {
    const mark = set === null ? undefined : { set, number: at + 1, count: files.length, isBegun: false }
    makeEmpty(open, draftOf(file), { mark, uuid: at === 0 ? uuid : undefined, file })
    for (const source of old) copyShare(open, { source, draft: draftOf(file), at, count: files.length })
    return checkedDraft(open, draftOf(file))
  })
  const after = sumOf(facts)
  assert.deepEqual([after.databases, after.documents], [before.databases, before.documents], 'all is there')
  return after
}

function upgraded(open: OpenDatabase, file: string): StoreFacts {
  const connection = new Connection(open, file)
  try {
    upgradeFile(connection, checkedFormat(connection, file))
    return readStoreFacts(connection, file)
  } finally {
    connection.close()
  }
}

function uuidOf(open: OpenDatabase, file: string): string {
  const connection = new Connection(open, file, { readOnly: true })
  try {
    return storedUuid(connection)
  } finally {
    connection.close()
  }
}

type Empty = {
  readonly file: string
  readonly mark: ShardMark | undefined
  readonly uuid: string | undefined
}

function makeEmpty(open: OpenDatabase, draft: string, { file, mark, uuid }: Empty): void {
  removeRestoreDraft(file)
  const connection = new Connection(open, draft)
  try {
    createTables(connection, mark)
    // One file: a log of its own would not move with it.
    connection.exec('pragma journal_mode = delete')
    if (uuid !== undefined) connection.run("update store set value = ? where key = 'uuid'", uuid)
  } finally {
    connection.close()
  }
  chmodSync(draft, 0o600)
}

function checkedDraft(open: OpenDatabase, draft: string): StoreFacts {
  const connection = new Connection(open, draft, { readOnly: true })
  try {
    const [found] = connection.rows<[string]>('pragma quick_check(1)')
    assert.equal(found?.[0], 'ok', 'what was copied is whole')
    return readStoreFacts(connection, draft)
  } finally {
    connection.close()
    syncFile(draft)
  }
}
