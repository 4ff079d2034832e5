/** Makes a file of the first format: takes out again what format 2 added. */
export const BACK_TO_1 = `
drop index databases_to_compact;
drop table loose_attachments;
alter table attachments drop column refs;
alter table databases drop column compacted_seq;
alter table databases drop column compact_to;
alter table databases drop column compacted_bytes;
alter table databases drop column logs_run;
pragma user_version = 1;
`
