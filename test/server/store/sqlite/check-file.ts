import { leafNodes } from '../../../../server/store/rev-tree/leaf-nodes.ts'
import { packTree, unpackTree } from '../../../../server/store/rev-tree/packed-tree.ts'
import { revOf } from '../../../../server/store/rev-tree/rev-node.ts'
import { Connection } from '../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../server/store/sqlite/driver.ts'

/**
 * Counts everything again that a store's file keeps counted, and follows every reference in it.
 * Returns what does not agree, one line each.
 */
export async function checkFile(file: string): Promise<string[]> {
  const connection = new Connection(await loadDriver(), file, { readOnly: true })
  try {
    return [...checkAll(connection)]
  } finally {
    connection.close()
  }
}

function* checkAll(connection: Connection): Generator<string> {
  for (const [line] of connection.rows<[string]>('pragma integrity_check')) if (line !== 'ok') yield line
  for (const [what, sql] of Object.entries(MISTAKES)) {
    for (const row of connection.rows(sql)) yield `${what}: ${row.join(', ')}`
  }
  yield* checkDocs(connection)
}

/** Each answers a row for every mistake it finds. */
const MISTAKES = {
  'counters differ from a recount': `
    select * from (
      select name, doc_count, doc_del_count, active_bytes, stored_bytes,
        (select count(*) from docs where db = d.db and deleted = 0) as c,
        (select count(*) from docs where db = d.db and deleted = 1) as dc,
        (select coalesce(sum(bytes), 0) from docs where db = d.db) as a,
        (select coalesce(sum(octet_length(body)), 0) from bodies
          where key >= d.db << 32 and key < (d.db + 1) << 32)
          + (select coalesce(sum(length), 0) from attachments where db = d.db) as s
      from databases d where deleted = 0
    ) where doc_count <> c or doc_del_count <> dc or active_bytes <> a or stored_bytes <> s`,
  'a document beyond the update seq': `
    select name, id, seq from docs join databases using (db) where seq > update_seq and databases.deleted = 0`,
  'a document later than the last time': `
    select name, id from docs join databases using (db) where time > last_time and databases.deleted = 0`,
  'times that go back': `
    select db, id from (select db, id, time, lag(time) over (partition by db order by seq) as before from docs)
    where time < before`,
  'a document whose size is not that of its winner': `
    select d.db, d.id, d.bytes from docs d left join bodies b on b.key = (d.db << 32 | d.body)
    where b.key is null or d.bytes <> octet_length(b.body)
      + (select coalesce(sum(value ->> 'length'), 0) from json_each(coalesce(b.attachments, '[]')))`,
  'a live document whose last live body is another': `
    select db, id from docs where deleted = 0 and live is not body`,
  'a last live body that is missing or deleted': `
    select d.db, d.id from docs d left join bodies b on b.key = (d.db << 32 | d.live)
    where d.live is not null and b.deleted is not 0`,
  'an attachment whose names are counted wrongly, or that has none': `
    select a.db, a.digest, a.refs from attachments a join databases using (db) where databases.deleted = 0 and (refs = 0 or refs <> (
      select count(*) from bodies b, json_each(b.attachments) n
      where b.key >> 32 = a.db and b.attachments is not null and n.value ->> 'digest' = a.digest))`,
  'a chunk that belongs to no attachment': `
    select key from attachment_chunks c where key >> 20 not in (select key from attachments)
      and key >> 20 not in (select key from loose_attachments)`,
  'an attachment that is loose, too': `select key from attachments join loose_attachments using (key)`,
  'an attachment without its bytes': `
    select a.db, a.digest from attachments a where length <> (
      select coalesce(sum(length(data)), 0) from attachment_chunks c where c.key >= a.key << 20 and c.key < (a.key + 1) << 20)`,
  'a revision that names an unknown attachment': `
    select b.key, n.value ->> 'digest' from bodies b, json_each(b.attachments) n
    where not exists (select 1 from attachments a where a.db = b.key >> 32 and a.digest = n.value ->> 'digest')`,
  'an epoch that begins beyond the next number': `
    select name, first from epochs join databases using (db) where first > update_seq + 1`,
  'a database without an epoch': `
    select name from databases where db not in (select db from epochs) and deleted = 0`,
  'a database that the update log does not know': `
    select name from databases where deleted = 0 and name not in (select name from updates where type <> 'deleted')`,
} as const

type DocRow = readonly [
  db: number,
  id: string,
  rev: string,
  deleted: number,
  branched: number,
  tree: string,
  live: number | null,
]

function* checkDocs(connection: Connection): Generator<string> {
  const bodies = new Map(
    connection
      .rows<[number, number, string, number]>('select key >> 32, key & 0xffffffff, rev, deleted from bodies')
      .map(([db, seq, rev, deleted]) => [`${db} ${seq}`, `${rev} ${deleted}`]),
  )
  const sql = `select db, id, rev, d.deleted, branched, tree, live from docs d join databases using (db)
    where databases.deleted = 0`
  for (const row of connection.rows<DocRow>(sql)) {
    for (const mistake of checkDoc(row, bodies)) yield `${mistake}: ${row.join(', ')}`
  }
  const removing = connection
    .rows<[number]>('select db from databases where deleted = 1')
    .map(([db]) => `${db} `)
  for (const key of bodies.keys())
    if (!removing.some(db => key.startsWith(db))) yield `a body of no document: ${key}`
}

/** Takes the bodies it knows out of the map. */
function* checkDoc(row: DocRow, bodies: Map<string, string>): Generator<string> {
  const [db, , rev, deleted, branched, tree, live] = row
  const nodes = unpackTree(tree)
  if (packTree(nodes) !== tree) yield 'a history that is packed in another way'
  const [winner, second] = leafNodes(nodes)
  if (winner === undefined || revOf(winner) !== rev) yield 'a winner that the history does not have'
  if (winner?.deleted !== (deleted === 1)) yield 'a winner that is deleted only in one place'
  if ((second !== undefined) !== (branched === 1)) yield 'a wrong mark of branches'
  for (const node of nodes.values()) {
    if (node.seq === undefined) continue
    if (bodies.get(`${db} ${node.seq}`) !== `${revOf(node)} ${node.deleted ? 1 : 0}`)
      yield `no body of ${revOf(node)}`
  }
  for (const { seq } of nodes.values()) bodies.delete(`${db} ${seq}`)
  bodies.delete(`${db} ${live}`)
}
