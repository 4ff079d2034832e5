/** Makes a file of the first format: takes out again what formats 2 and 3 changed. */
export const BACK_TO_1 = `
create table local_docs_of_1 (
  db integer not null, id text not null, rev integer not null, body text not null, primary key (db, id)
) without rowid;
insert into local_docs_of_1 select * from local_docs;
drop table local_docs;
alter table local_docs_of_1 rename to local_docs;
drop index databases_to_compact;
drop table loose_attachments;
alter table attachments drop column refs;
alter table databases drop column compacted_seq;
alter table databases drop column compact_to;
alter table databases drop column compacted_bytes;
alter table databases drop column logs_run;
pragma user_version = 1;
`
