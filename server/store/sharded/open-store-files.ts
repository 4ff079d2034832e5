import { basename } from 'node:path'
import { Connection } from '../sqlite/connection.ts'
import { loadDriver, type OpenDatabase } from '../sqlite/driver.ts'
import { openStore } from '../sqlite/open-store.ts'
import { type ShardMark, writeShardMark } from '../sqlite/shard-mark.ts'
import type { Store } from '../store.ts'
import { filesOf, realFirst } from './files-of.ts'
import { checkedMarks, refuseLostFirst } from './set-marks.ts'
import { closeAll, type Shard, ShardedStore } from './sharded-store.ts'

export type StoreFiles = {
  /** The first of the store's files; the others lie beside it, named after it. */
  readonly file: string
  /** How many there are. One: a store of its own. */
  readonly shards: number
  /** Where lines about failures go. */
  readonly log?: ((line: string) => void) | undefined
}

/** Opens the store that is in these files, all of them or none. Refuses with a `StoreError` of one line. */
export async function openStoreFiles({ file, shards, log }: StoreFiles): Promise<Store> {
  if (shards > 1) return openShardedStore({ file, shards, log })
  refuseLostFirst(await loadDriver(), realFirst(file))
  return openStore({ file, log })
}

async function openShardedStore({ file, shards, log = () => {} }: StoreFiles): Promise<Store> {
  const files = filesOf(realFirst(file), shards)
  const open = await loadDriver()
  const [mark, ...marks] = checkedMarks(open, files)
  // The first by itself: who has its lock has the right to all of them.
  const first = await openShard(files[0], mark, log)
  const opened = await Promise.allSettled(files.slice(1).map((file, at) => openShard(file, marks[at], log)))
  const others = opened.flatMap(end => (end.status === 'fulfilled' ? [end.value] : []))
  try {
    for (const end of opened) if (end.status === 'rejected') throw end.reason
    if (mark?.isBegun) noteAllMade(open, files[0], mark)
    return new ShardedStore([first, ...others])
  } catch (error) {
    await closeAll([first, ...others].map(({ store }) => store))
    throw error
  }
}

async function openShard(
  file: string,
  shard: ShardMark | undefined,
  log: NonNullable<StoreFiles['log']>,
): Promise<Shard> {
  const name = basename(file)
  const store = await openStore({ file, shard, log: line => log(`${name}: ${line}`) })
  return { name, store }
}

/** From now on a file that is not there is one that was lost. */
function noteAllMade(open: OpenDatabase, file: string, mark: ShardMark): void {
  const connection = new Connection(open, file)
  try {
    connection.exec('pragma busy_timeout = 5000; pragma synchronous = full')
    writeShardMark(connection, { ...mark, isBegun: false })
  } finally {
    connection.close()
  }
}
