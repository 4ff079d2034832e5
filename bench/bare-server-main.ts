import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { isMainThread, parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads'
import { Connection } from '../server/store/sqlite/connection.ts'
import { loadDriver } from '../server/store/sqlite/driver.ts'

/**
 * What no server in this language with this engine comes below: bare `node:http` with as many headers as ours, a row of one table for each
 * document, written by a worker that commits all that waits and syncs before the answer. No sign-in, no revisions, no checks. As a `--peer`
 * it answers the rows of single documents.
 */

type Row = readonly [request: number, id: string, body: string]

const REV = '1-0123456789abcdef0123456789abcdef'
const HEAD = [
  ...['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'; sandbox"],
  ...['Cross-Origin-Resource-Policy', 'same-origin', 'Referrer-Policy', 'no-referrer'],
  ...['X-Content-Type-Options', 'nosniff', 'Server', 'bare', 'Access-Control-Allow-Origin', '*'],
  ...['Access-Control-Expose-Headers', 'Accept-Ranges,Content-Encoding,Content-Length,Content-Range,ETag'],
  ...['X-Request-Id', '0123456789ab', 'Cache-Control', 'must-revalidate', 'Content-Type', 'application/json'],
  ...['ETag', `"${REV}"`],
]

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, HEAD.concat('Content-Length', String(Buffer.byteLength(text))))
  response.end(text)
}

async function serve({ DIVAN_DATA: folder = '.', DIVAN_PORT: port }: NodeJS.ProcessEnv): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'bare.sqlite')
  const driver = await loadDriver()
  const schema = 'create table if not exists docs (id text primary key, rev text, body text) without rowid'
  new Connection(driver, file).exec(`pragma page_size = 8192; pragma journal_mode = wal; ${schema}`)
  const reader = new Connection(driver, file, { readOnly: true })
  const write = writes(new Worker(new URL(import.meta.url), { workerData: file }))
  const server = createServer({ noDelay: true }, async (request, response) => {
    const id = decodeURIComponent(request.url?.slice(1) ?? '')
    if (request.method === 'GET') return send(response, 200, read(reader, id))
    const text = await textOf(request)
    if (request.method === 'POST') {
      const { docs } = JSON.parse(text) as { readonly docs: readonly { readonly _id: string }[] }
      const [database] = id.split('/')
      await Promise.all(docs.map(({ _id, ...doc }) => write(`${database}/${_id}`, JSON.stringify(doc))))
    } else await write(id, text === '' ? '' : JSON.stringify(JSON.parse(text)))
    send(response, 201, `{"ok":true,"id":${JSON.stringify(id)},"rev":"${REV}"}\n`)
  })
  server.listen(Number(port), '127.0.0.1')
  process.on('SIGTERM', () => process.exit(0))
}

/** A document, or of a database how many there are. */
function read(reader: Connection, id: string): string {
  const row = reader.row<[string, string]>('select rev, body from docs where id = ?', id)
  if (row !== undefined && row[1] !== '')
    return `{"_id":${JSON.stringify(id)},"_rev":"${row[0]}",${row[1].slice(1)}\n`
  const count = "select count(*) from docs where id > ? || '/' and id < ? || '0'"
  return `{"doc_count":${reader.row<[number]>(count, id, id)?.[0] ?? 0}}\n`
}

function textOf(request: IncomingMessage): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    request.on('data', (piece: Buffer) => {
      text += piece.toString()
    })
    request.once('end', () => resolve(text))
  })
}

/** Sends rows in one message with all that come in the same turn while the worker is busy; resolves once a row is on disk. */
function writes(worker: Worker): (id: string, body: string) => Promise<void> {
  const waiting = new Map<number, () => void>()
  const rows: Row[] = []
  let requests = 0
  const flush = () => worker.postMessage(rows.splice(0))
  worker.on('message', (stored: readonly number[]) => {
    for (const request of stored) {
      waiting.get(request)?.()
      waiting.delete(request)
    }
  })
  return (id, body) =>
    new Promise(resolve => {
      waiting.set(++requests, resolve)
      if (rows.push([requests, id, body]) > 1) return
      if (waiting.size === 1) flush()
      else setImmediate(flush)
    })
}

async function commitGroups(): Promise<void> {
  assert(parentPort, 'rows come from the main thread')
  const port = parentPort
  const connection = new Connection(await loadDriver(), String(workerData))
  connection.exec('pragma synchronous = full; pragma wal_autocheckpoint = 8192')
  port.on('message', (first: readonly Row[]) => {
    const group = [...first]
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      group.push(...next.message)
    connection.run('begin')
    for (const [, id, body] of group)
      connection.run('insert or replace into docs values (?, ?, ?)', id, REV, body)
    connection.run('commit')
    port.postMessage(group.map(([request]) => request))
  })
}

await (isMainThread ? serve(process.env) : commitGroups())
