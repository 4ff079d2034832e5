import { StoreError } from '../store-error.ts'
import { Connection } from './connection.ts'
import type { OpenDatabase } from './driver.ts'
import { newEpoch } from './new-epoch.ts'
import { APPLICATION_ID, FILE_PRAGMAS, FORMAT_VERSION, SCHEMA } from './schema.ts'
import { readShardMark, refuseOtherMark, type ShardMark, writeShardMark } from './shard-mark.ts'
import { newUuid, storedUuid } from './store-uuid.ts'
import { upgradeFile } from './upgrade-file.ts'

/**
 * Makes the file a store of this format, or refuses it. Returns the store's uuid. `shard`: the mark of a file that is one of several.
 */
export function prepareFile(open: OpenDatabase, file: string, shard?: ShardMark | undefined): string {
  const connection = new Connection(open, file)
  try {
    if (isEmpty(connection)) createTables(connection, shard)
    const format = checkedFormat(connection, file)
    refuseOtherMark(file, readShardMark(connection), shard)
    // A restored file has none, for a log must not lie beside a file that is moved.
    connection.exec('pragma journal_mode = wal')
    upgradeFile(connection, format)
    return storedUuid(connection)
  } finally {
    connection.close()
  }
}

function isEmpty(connection: Connection): boolean {
  return (
    pragma(connection, 'user_version') === 0 && connection.row('select 1 from sqlite_schema') === undefined
  )
}

/** Makes the tables of a new store. */
export function createTables(connection: Connection, shard: ShardMark | undefined): void {
  connection.exec(FILE_PRAGMAS)
  connection.exec('begin immediate')
  connection.exec(SCHEMA)
  connection.run('insert into store values (?, ?)', 'uuid', newUuid())
  connection.run('insert into epochs values (0, 0, ?)', newEpoch())
  writeShardMark(connection, shard)
  connection.exec(
    `pragma application_id = ${APPLICATION_ID}; pragma user_version = ${FORMAT_VERSION}; commit`,
  )
}

/** The format of a file that is a store this program can read; any other is refused. */
export function checkedFormat(connection: Connection, file: string): number {
  if (pragma(connection, 'application_id') !== APPLICATION_ID) {
    throw new StoreError(`${file} is a database of another program`)
  }
  const version = pragma(connection, 'user_version')
  if (version > FORMAT_VERSION) {
    throw new StoreError(
      `${file} has format ${version}; this version reads up to ${FORMAT_VERSION}: update Divan`,
    )
  }
  return version
}

function pragma(connection: Connection, name: 'user_version' | 'application_id'): number {
  return connection.row<[number]>(`pragma ${name}`)?.[0] ?? 0
}
