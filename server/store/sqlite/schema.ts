/** The file's `user_version`. A change to the tables raises it, and adds its step to upgrade-file.ts. */
export const FORMAT_VERSION = 3

/** The file's `application_id`, "Divn": what tells our file from any other SQLite database. */
export const APPLICATION_ID = 0x4469766e

/**
 * Set before the first table, and final with it:
 * - 8 KiB pages hold a few documents each; a row with a history of 40 revisions still fits without overflow.
 * - Free pages can be given back in slices (`incremental_vacuum`); the only other way rewrites the whole file.
 */
export const FILE_PRAGMAS = `
pragma page_size = 8192;
pragma auto_vacuum = incremental;
pragma journal_mode = wal;
`

/**
 * `db` is a database's number, never used twice. A body's key is the database's number and the sequence number of the
 * change that brought it, so a database's bodies are one range of keys in the order of its feed. The key is made in SQL
 * (`db << 32 | seq`), because JavaScript's numbers end at 2^53.
 */
export const SCHEMA = `
create table store (
  key   text primary key,
  value text not null
) without rowid;

create table databases (
  db            integer primary key autoincrement,
  name          text    not null,
  deleted       integer not null default 0, -- 1: the name is free, the rows wait to be removed
  update_seq    integer not null default 0, -- the last change's number
  run           text    not null,           -- the process that last took an epoch
  last_time     integer not null default 0, -- the last change's time
  doc_count     integer not null default 0,
  doc_del_count integer not null default 0,
  active_bytes  integer not null default 0, -- winners' bodies and their attachments
  stored_bytes  integer not null default 0, -- all bodies, and each attachment once
  revs_limit    integer not null default 1000,
  purge_seq     integer not null default 0,
  security      text,                       -- JSON; null: the default of the protocol
  compacted_seq integer not null default 0, -- documents up to this change have no body that compaction would drop
  compact_to    integer not null default 0, -- the change that compaction goes on to, if it is beyond
  compacted_bytes integer not null default 0, -- stored_bytes when compaction last ended
  logs_run      text                        -- the process that last forgot the replication logs
);
create unique index databases_by_name on databases (name) where deleted = 0;
create index databases_to_remove on databases (db) where deleted = 1;
create index databases_to_compact on databases (db) where compact_to > compacted_seq;

create table epochs (
  db    integer not null, -- 0: the log of databases (updates)
  first integer not null, -- the first number this epoch issued
  epoch text    not null,
  primary key (db, first)
) without rowid;

create table docs (
  db       integer not null,
  id       text    not null,
  seq      integer not null, -- the number of its last change
  rev      text    not null, -- the winner
  deleted  integer not null, -- 1: the winner is a tombstone
  branched integer not null, -- 1: more than one leaf
  time     integer not null, -- server's time of its last change, epoch ms
  body     integer not null, -- the number the winner's body is stored under
  live     integer,          -- that of the last winner that was not deleted; null: never live here
  bytes    integer not null, -- of the winner's body and its attachments
  tree     text    not null, -- rev-tree/packed-tree.ts; last, because it may be long
  primary key (db, id)
) without rowid;
create unique index docs_by_seq on docs (db, seq);

create table bodies (
  key         integer primary key, -- db << 32 | seq
  rev         text    not null,
  deleted     integer not null,
  attachments text,                -- JSON array of Attachment; null: none
  body        text    not null
);

-- With row ids: to compare a key the engine reads the whole row of an index, and a row of several megabytes slowed down everybody's look-ups.
create table local_docs (
  db   integer not null,
  id   text    not null,
  rev  integer not null,
  body text    not null,
  primary key (db, id)
);

create table attachments (
  key    integer primary key,
  db     integer not null,
  digest text    not null,
  length integer not null,
  refs   integer not null default 0, -- how many times stored bodies name it; never 0 after a commit
  unique (db, digest)
);
create table attachment_chunks (
  key  integer primary key, -- attachment's key << 20 | chunk's number
  data blob not null
);
-- bytes that no body names: an upload on its way in, or an attachment on its way out. A key is in one of the two tables.
create table loose_attachments (
  key   integer primary key,
  db    integer not null,
  run   text,             -- the process that receives it; null: nobody does, it is to be removed
  since integer not null  -- when it came loose, epoch ms
);
create index loose_by_run on loose_attachments (run, since);

create table updates (
  name text primary key,
  n    integer not null unique,
  type text    not null
) without rowid;
`
