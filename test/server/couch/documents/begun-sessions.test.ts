import t from 'tap'
import { adminDatabase, type HttpClient } from '../../../fixtures/http-client.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const server = await runningServer(t)
const LOG = '/_local/ybXBDkmeZxPT6tK04KG.aw=='

function log(lastSeq: unknown) {
  return {
    session_id: 'x',
    history: [{ last_seq: lastSeq, session_id: 'x' }],
    replicator: 'pouchdb',
    version: 1,
    last_seq: lastSeq,
  }
}

/** As PouchDB writes a log: read, then write. The status of the write. */
async function note(database: HttpClient, doc: object): Promise<number> {
  const { json } = await database.get(LOG)
  return (await database.put(LOG, { ...doc, _rev: json._rev })).status
}

t.test('a session that asked for its log at its beginning may write a new one', async t => {
  const database = await adminDatabase(server, 'begun')
  await database.get(LOG)
  t.equal(await note(database, log(7)), 201)
  t.equal(await note(database, log(8)), 201)
})

t.test('one that began before this database knew it is told to begin anew, once', async t => {
  const database = await adminDatabase(server, 'went-on')
  t.equal(await note(database, log(7)), 503)
  t.equal((await database.get(LOG)).status, 404)
  t.equal(await note(database, log(7)), 201)
})

t.test('so is one whose database was deleted and made anew under it', async t => {
  const database = await adminDatabase(server, 'anew')
  await database.get(LOG)
  t.equal(await note(database, log(7)), 201)
  await database.delete('')
  await database.put('')
  t.equal(await note(database, log(8)), 503)
  await database.get(LOG)
  t.equal(await note(database, log(8)), 201)
})

t.test('and one whose log was forgotten because the database went back in time', async t => {
  const database = await adminDatabase(server, 'back')
  await database.get(LOG)
  t.equal(await note(database, log(7)), 201)
  await database.get('/_changes?since=9-unknown')
  t.equal(await note(database, log(8)), 503)
})

type Case = { readonly what: string; readonly doc: object }
const HARMLESS: readonly Case[] = [
  { what: 'of a session that has seen nothing', doc: log(0) },
  {
    what: 'CouchDB’s, which asks once and keeps it',
    doc: { ...log(7), replicator: undefined, source_last_seq: '7' },
  },
  { what: 'an app’s', doc: { theme: 'dark' } },
]

t.test('other local docs are written as ever', async t => {
  for (const [index, { what, doc }] of HARMLESS.entries()) {
    t.equal(await note(await adminDatabase(server, `harmless-${index}`), doc), 201, what)
  }
})

t.test('a pull notes a sequence of ours, and needs to have asked for nothing', async t => {
  const database = await adminDatabase(server, 'pull')
  await database.post('', { _id: 'a' })
  const { last_seq } = (await database.get('/_changes')).json
  t.equal(await note(database, log(last_seq)), 201)
  await database.delete('')
  await database.put('')
  t.equal(await note(database, log(last_seq)), 201, 'one of its predecessor leads back to the beginning')
  t.equal((await database.get(`/_changes?since=${last_seq}`)).json.rewound, true)
})

t.test('who asks for very many logs of his database has no session of another’s forgotten', async t => {
  const [database, busy] = [await adminDatabase(server, 'calm'), await adminDatabase(server, 'busy')]
  await database.get(LOG)
  await busy.get(LOG)
  for (let n = 0; n < 60; n++) await busy.get(`/_local/missing-${n}`)
  t.equal(await note(database, log(7)), 201)
  t.equal(await note(busy, log(7)), 503, 'his own are bounded')
})
