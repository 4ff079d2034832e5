import { shardOf } from '../sharded/shard-of.ts'
import { Connection } from '../sqlite/connection.ts'
import type { OpenDatabase } from '../sqlite/driver.ts'

export type Share = {
  readonly source: string
  /** An empty store, or one that others have given their share to. */
  readonly draft: string
  /** Which of how many files it is to be, from 0. */
  readonly at: number
  readonly count: number
}

/** Copies from one store all databases that belong into a file, with all that is theirs, to the end of what is in that file. */
export function copyShare(open: OpenDatabase, { source, draft, at, count }: Share): void {
  const connection = new Connection(open, draft)
  try {
    // The draft is thrown away if this does not come to its end, and synced by who takes it.
    connection.exec('pragma journal_mode = off; pragma synchronous = off; pragma temp_store = memory')
    connection.run('attach ? as source', source)
    connection.exec(ROUTES)
    connection.exec('begin')
    routeDatabases(connection, name => shardOf(name, count) === at)
    connection.exec(ROUTE_KEYS)
    for (const table of TABLES) connection.exec(copyOf(connection, table))
    copyUpdates(connection, name => shardOf(name, count) === at)
    connection.exec('commit')
  } finally {
    connection.close()
  }
}

/** Databases and attachments have numbers of their file, and get others in another: `was` and `is`. */
const ROUTES = `
create temp table routes (was integer primary key, "is" integer not null);
create temp table keys (was integer primary key, "is" integer not null);
`

const ROUTE_KEYS = `
insert into keys select a.key, (select coalesce(max(key), 0) from main.attachments) + row_number() over (order by a.key)
  from source.attachments a join routes r on r.was = a.db
`

/** A database that is deleted and whose rows wait to be removed stays behind. */
function routeDatabases(connection: Connection, belongs: (name: string) => boolean): void {
  let last = connection.row<[number]>('select coalesce(max(db), 0) from main.databases')?.[0] ?? 0
  const all = connection.rows<[number, string]>(
    'select db, name from source.databases where deleted = 0 order by db',
  )
  for (const [db, name] of all) {
    if (belongs(name)) connection.run('insert into routes values (?, ?)', db, ++last)
  }
}

type Table = {
  readonly name: string
  /** Which rows of the table, `t`, go along. The order is that of the rows' keys in both files. */
  readonly from: string
  /** What holds a number of the file. All other columns are as they are. */
  readonly columns: Readonly<Record<string, string>>
}

/** Loose attachments stay behind: nobody sends them any more, and no body names them. */
const TABLES: readonly Table[] = [
  ...['databases', 'epochs', 'docs', 'local_docs'].map(name => ({
    name,
    from: `routes r cross join source.${name} t on t.db = r.was`,
    columns: { db: 'r."is"' },
  })),
  {
    name: 'bodies',
    from: 'routes r cross join source.bodies t on t.key between r.was << 32 and (r.was << 32) + 0xffffffff',
    columns: { key: 'r."is" << 32 | (t.key & 0xffffffff)' },
  },
  {
    name: 'attachments',
    from: 'keys k cross join source.attachments t on t.key = k.was cross join routes r on r.was = t.db',
    columns: { key: 'k."is"', db: 'r."is"' },
  },
  {
    name: 'attachment_chunks',
    from: 'keys k cross join source.attachment_chunks t on t.key between k.was << 20 and (k.was << 20) + 0xfffff',
    columns: { key: 'k."is" << 20 | (t.key & 0xfffff)' },
  },
]

function copyOf(connection: Connection, { name, from, columns }: Table): string {
  const names = connection
    .rows<[string]>(`select name from pragma_table_info('${name}')`)
    .map(([column]) => column)
  const values = names.map(column => columns[column] ?? `t.${column}`)
  return `insert into main.${name} (${names.join(', ')}) select ${values.join(', ')} from ${from}`
}

/** Also of databases that are gone: who follows the log is told so. */
function copyUpdates(connection: Connection, belongs: (name: string) => boolean): void {
  let n = connection.row<[number]>('select coalesce(max(n), 0) from main.updates')?.[0] ?? 0
  const all = connection.rows<[string, string]>('select name, type from source.updates order by n')
  for (const [name, type] of all) {
    if (belongs(name)) connection.run('insert into main.updates values (?, ?, ?)', name, ++n, type)
  }
}
