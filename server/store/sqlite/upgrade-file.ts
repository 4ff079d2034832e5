import type { Connection } from './connection.ts'
import { rollback } from './rollback.ts'
import { FORMAT_VERSION } from './schema.ts'

/**
 * How a file of an older format becomes one of the next: entry n leads from version n to n + 1. A step is SQL that runs once, all
 * of the missing ones in a single transaction with the file's version, so a kill leaves the old file or the new one; its result is
 * what schema.ts makes of a new file.
 */
const STEPS: Readonly<Record<number, string>> = {
  1: `
alter table databases add column compacted_seq integer not null default 0;
alter table databases add column compact_to integer not null default 0;
alter table databases add column compacted_bytes integer not null default 0;
alter table databases add column logs_run text;
create index databases_to_compact on databases (db) where compact_to > compacted_seq;
alter table attachments add column refs integer not null default 0;
create table loose_attachments (
  key   integer primary key,
  db    integer not null,
  run   text,
  since integer not null
);
create index loose_by_run on loose_attachments (run, since);
with named as (
  select b.key >> 32 as db, a.value ->> 'digest' as digest, count(*) as refs
  from bodies b, json_each(b.attachments) a where b.attachments is not null group by 1, 2
)
update attachments set refs = named.refs from named
where attachments.db = named.db and attachments.digest = named.digest;
-- Format 1 kept the attachments of stemmed revisions for ever. Their chunks go like those of any other that came loose.
update databases set stored_bytes = stored_bytes - unnamed.bytes
from (select db, sum(length) as bytes from attachments where refs = 0 group by db) unnamed
where databases.db = unnamed.db;
insert into loose_attachments select key, db, null, 0 from attachments where refs = 0;
delete from attachments where refs = 0;
`,
  2: `
alter table local_docs rename to local_docs_of_2;
create table local_docs (
  db   integer not null,
  id   text    not null,
  rev  integer not null,
  body text    not null,
  primary key (db, id)
);
insert into local_docs select * from local_docs_of_2 order by db, id;
drop table local_docs_of_2;
`,
}

/** Brings a file of an older version up to this program's. One that is current is left alone. */
export function upgradeFile(connection: Connection, version: number): void {
  if (version >= FORMAT_VERSION) return
  connection.exec('begin immediate')
  try {
    for (let from = version; from < FORMAT_VERSION; from++) connection.exec(STEPS[from] ?? '')
    connection.exec(`pragma user_version = ${FORMAT_VERSION}; commit`)
  } catch (error) {
    rollback(connection)
    throw error
  }
}
