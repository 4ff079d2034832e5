import { fork } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { Connection as Sqlite } from '../server/store/sqlite/connection.ts'
import { loadDriver } from '../server/store/sqlite/driver.ts'
import { createTables } from '../server/store/sqlite/prepare-file.ts'
import { insertBody } from '../server/store/sqlite/writer/bodies.ts'
import { insertDoc, readDoc } from '../server/store/sqlite/writer/doc-record.ts'
import { openWriterConnection } from '../server/store/sqlite/writer/open-writer-connection.ts'
import { withConnection } from './client/connection.ts'
import { BATCH_DOCS, bulkBodies, docRev } from './client/docs.ts'
import { requestOf } from './client/target.ts'

/**
 * What the parts of `_bulk_docs` cost by themselves: each in a loop of its own, with no server around it. Their sum is what no server
 * of this language with this engine comes below; what ours takes above it is ours. µs of processor time for a document.
 */

const DOCUMENTS = 20_000
const ROUNDS = 6
/** Documents of a commit: what a server that is sent lists one after the other reaches. */
const COMMIT_DOCS = 350

const requests = bulkBodies(0, DOCUMENTS, true)
const lists = requests.map(docsOf)

type StoredForm = { readonly id: string; readonly rev: string; readonly body: string }

function docsOf(request: Buffer, list: number): StoredForm[] {
  const { docs } = JSON.parse(request.toString()) as { docs: ({ _id: string } & object)[] }
  return docs.map(({ _id: id, ...members }, place) => ({
    id,
    rev: docRev(list * BATCH_DOCS + place),
    body: JSON.stringify(members),
  }))
}

function usedUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** The best of some rounds: caches are warm, and code is compiled. */
async function measure(name: string, round: () => unknown): Promise<void> {
  let best = Number.POSITIVE_INFINITY
  for (let n = 0; n < ROUNDS; n++) {
    const before = usedUs()
    await round()
    best = Math.min(best, usedUs() - before)
  }
  console.log(`${name.padEnd(60)} ${(best / DOCUMENTS).toFixed(2)}`)
}

async function measureHttp(): Promise<void> {
  const rows = lists[0]?.map(({ id, rev }) => ({ ok: true, id, rev }))
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    Buffer.concat(pieces)
    response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify(rows))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = fork(fileURLToPath(import.meta.url), [String((server.address() as AddressInfo).port)])
  await once(client, 'message')
  await measure('node:http takes a list and answers it', () => {
    client.send('again')
    return once(client, 'message')
  })
  client.disconnect()
  server.close()
}

/** The client's process: sends all lists, one after the other, whenever it is told to. */
async function sendLists(port: number): Promise<void> {
  const target = { name: '', host: '127.0.0.1', port }
  await withConnection(target, async connection => {
    process.send?.('ready')
    process.on('message', async () => {
      for (const request of requests) await connection.ask(requestOf(target, 'POST', 'a/_bulk_docs', request))
      process.send?.('done')
    })
    await once(process, 'disconnect')
  })
}

async function measureJson(): Promise<void> {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  await measure('JSON.parse', () => {
    for (const request of requests) JSON.parse(utf8.decode(request))
  })
  const bodies = lists.map(list => list.map(({ body }) => JSON.parse(body) as object))
  await measure('JSON.stringify, without the id', () => {
    for (const list of bodies) for (const body of list) JSON.stringify(body)
  })
  await measure('md5 of the body', () => {
    for (const list of lists) for (const { body } of list) hash('md5', `["",false,[]]${body}`)
  })
}

async function measureThreads(): Promise<void> {
  const { port1: here, port2: there } = new MessageChannel()
  await measure('texts to another thread, and the revs back', () => {
    for (const list of lists) {
      here.postMessage(list.flatMap(({ id, body }) => [id, body, false, undefined]))
      receiveMessageOnPort(there)
      there.postMessage(list.map(({ rev }) => rev))
      receiveMessageOnPort(here)
    }
  })
  here.close()
}

const DB = 1

/** Each round is another database of one file, as in the server. */
async function measureEngine(folder: string): Promise<void> {
  const file = join(folder, 'store.db')
  const made = new Sqlite(await loadDriver(), file)
  createTables(made, undefined)
  made.close()
  const connection = await openWriterConnection(file)
  const docs = lists.flat()
  let db = DB
  await measure('SQLite: a read and two inserts each, commits with their syncs', () => {
    for (let first = 0; first < docs.length; first += COMMIT_DOCS)
      writeDocs(connection, db, first, docs.slice(first, first + COMMIT_DOCS))
    db++
  })
  connection.close()
}

function writeDocs(connection: Sqlite, db: number, first: number, docs: readonly StoredForm[]): void {
  connection.exec('begin immediate')
  for (const [place, { id, rev, body }] of docs.entries()) {
    const seq = first + place + 1
    readDoc(connection, db, id)
    insertBody(connection, db, seq, { rev, deleted: false, attachments: [], body })
    const tree = { rev, deleted: false, branched: false, body: seq, text: `1-1;${rev.slice(2)}:${seq}` }
    insertDoc(connection, { db, id, seq, time: 1.7e12 }, tree, body.length)
  }
  connection.exec('commit')
}

const [, , port] = process.argv
if (port !== undefined) await sendLists(Number(port))
else {
  const folder = await mkdtemp(join(tmpdir(), 'divan-bare-'))
  try {
    await measureHttp()
    await measureJson()
    await measureThreads()
    await measureEngine(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
