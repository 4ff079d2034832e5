import type pg from 'pg'
import { entities } from '../../design-docs/catalogue.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { BridgeError } from '../bridge-error.ts'
import { isSchemaThere, isTableThere } from '../is-there.ts'
import { inLongTransaction, type Queryable } from '../postgres-client.ts'
import { prepareMirrorTables } from './mirror-tables.ts'
import { needsRight } from './needs-right.ts'

/** Held while the schema is looked at and changed: of many bridges that start at once, one does the work. */
const SCHEMA_LOCK = 7_213_940_186

/**
 * The bridge's own tables, in numbered steps: what ran once is never edited, a change is a new step at the end.
 * The mirror's tables are not here, they follow from the descriptions.
 */
const MIGRATIONS: readonly string[] = [
  `
  create table divan.update_feed (
    only_row boolean primary key default true check (only_row),
    server_uuid text not null,
    cursor text not null,
    followed_at timestamptz not null default now()
  );
  comment on table divan.update_feed is 'how far the feed of changed databases has become marks in divan.dirty_databases';
  comment on column divan.update_feed.server_uuid is 'whose feed: with another server everything is marked';

  create sequence divan.marks;
  create table divan.dirty_databases (
    database text primary key,
    mark bigint not null default nextval('divan.marks'),
    rebuild bigint,
    marked_at timestamptz not null default now()
  );
  create index dirty_databases_marked_at_index on divan.dirty_databases (marked_at);
  comment on table divan.dirty_databases is 'databases with changes that are not mirrored yet; a row goes when they are';
  comment on column divan.dirty_databases.mark is 'a new number at each wake-up, so that one during the work is not lost';
  comment on column divan.dirty_databases.rebuild is 'the mark that asked for all rows of the database to be made anew';
  comment on column divan.dirty_databases.marked_at is 'since when the mirror is behind';

  create table divan.checkpoints (
    database text primary key,
    cursor text,
    mirrored_at timestamptz
  );
  comment on table divan.checkpoints is 'how far each database is mirrored; committed together with its rows';
  comment on column divan.checkpoints.cursor is 'the update sequence up to which all is in the tables; null: from the start';

  create table divan.dead_letters (
    database text not null,
    doc_id text not null,
    rev text,
    entity text,
    path text,
    reason text not null,
    seq text,
    first_failed_at timestamptz not null default now(),
    last_failed_at timestamptz not null default now(),
    attempts integer not null default 1
  );
  -- By its hash, because an id may be longer than an index entry.
  create unique index dead_letters_doc_index on divan.dead_letters (database, md5(doc_id));
  comment on table divan.dead_letters is 'documents that could not become rows; a good revision of the document closes its letter';
  comment on column divan.dead_letters.doc_id is 'the _id; what Postgres cannot store, and backslashes, as \\uXXXX';
  comment on column divan.dead_letters.path is 'the member or column at fault; null when it is the document itself';
  `,
  `
  create table divan.descriptions (
    only_row boolean primary key default true check (only_row),
    fingerprint text not null,
    described text not null,
    superseded text[] not null default '{}',
    rebuilding text,
    recorded_at timestamptz not null default now()
  );
  comment on table divan.descriptions is 'the descriptions by which all rows of the mirror are made';
  comment on column divan.descriptions.superseded is 'fingerprints of those before them: a bridge that has these is an older one';
  comment on column divan.descriptions.rebuilding is 'what npx divan rebuild is making anew; no bridge mirrors until it is done';

  create table divan.rebuilt_databases (database text primary key);
  comment on table divan.rebuilt_databases is 'the databases whose rows npx divan rebuild has in the new tables';
  `,
  `
  alter table divan.descriptions add column tables jsonb;
  comment on column divan.descriptions.tables is 'the oid of each table of the mirror: one that came from a dump has another';
  `,
]

/**
 * Brings the bridge's own tables and the mirror's to what this version knows, in one transaction. Throws a
 * `BridgeError` when that is not this bridge's to do. True if the tables came from a dump: all is made anew then.
 */
export async function prepareSchema(
  pool: pg.Pool,
  catalogue: readonly Entity[] = entities,
): Promise<boolean> {
  return await inLongTransaction(pool, async sql => {
    await prepareOwnTables(sql)
    return await prepareMirrorTables(sql, catalogue)
  })
}

/** Makes and migrates the bridge's own tables. One transaction at a time gets past here. */
export async function prepareOwnTables(sql: Queryable): Promise<void> {
  await sql.query('select pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
  await migrate(sql)
  await refuseLostTables(sql)
}

/** What all migrations together make. */
const OWN_NAMES = [
  'update_feed',
  'marks',
  'dirty_databases',
  'checkpoints',
  'dead_letters',
  'descriptions',
  'rebuilt_databases',
]

/** A table of its own that somebody has dropped is not made again alone: what it knew is in no other. */
async function refuseLostTables(sql: Queryable): Promise<void> {
  const found = await foundNames(sql)
  const lost = OWN_NAMES.filter(name => !found.has(name))
  if (lost.length > 0) throw new BridgeError(lostTables(lost))
}

async function foundNames(sql: Queryable): Promise<Set<string>> {
  const { rows } = await sql.query<{ readonly relname: string }>(
    `select relname from pg_class where relnamespace = to_regnamespace('divan') and relname = any($1)`,
    [OWN_NAMES],
  )
  return new Set(rows.map(({ relname }) => relname))
}

function lostTables(names: readonly string[]): string {
  return `${names.map(name => `divan.${name}`).join(', ')} was dropped: stop all bridges, run the SQL drop schema divan cascade, and start them: everything is read again`
}

async function migrate(sql: Queryable): Promise<void> {
  const version = await currentVersion(sql)
  if (version > MIGRATIONS.length) {
    throw new BridgeError(
      `the mirror was made by a newer version of Divan (schema ${version}, this one knows ${MIGRATIONS.length}): run that version, or another database`,
    )
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue
    await needsRight('create on the schema divan, and to own its tables', async () => {
      await sql.query(migration)
      await sql.query('insert into divan.migrations (version) values ($1)', [index + 1])
    })
  }
}

/** Looks before it makes: a bridge that may write rows but make no tables starts where they exist. */
async function currentVersion(sql: Queryable): Promise<number> {
  if (!(await isSchemaThere(sql, 'divan'))) {
    await needsRight('create on the database, to make the schema divan', () =>
      sql.query('create schema divan'),
    )
  }
  return await needsRight('usage and create on the schema divan, and select on its tables', async () => {
    if (!(await isTableThere(sql, 'divan.migrations'))) {
      if ((await foundNames(sql)).size > 0) throw new BridgeError(lostTables(['migrations']))
      await sql.query(MIGRATIONS_TABLE)
    }
    const { rows } = await sql.query<{ readonly version: number }>(
      'select coalesce(max(version), 0) as version from divan.migrations',
    )
    return rows[0]?.version ?? 0
  })
}

const MIGRATIONS_TABLE =
  'create table divan.migrations (version integer primary key, applied_at timestamptz not null default now())'
