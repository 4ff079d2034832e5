import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, withConnection } from '../client/connection.ts'
import { docId, docText } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { makeDatabase } from '../rows/databases.ts'

/** Whether an acknowledged write is on the disk, and how that is known. */
export type Durability = { readonly isSynced: boolean; readonly known: string }

const WRITES = 20
const ATTACH_MS = 1_000

/** By what `strace` sees while single documents are written, where it can look; else by what the server's kind promises. */
export async function durabilityOf(target: Target, promised: boolean): Promise<Durability> {
  const syncs = await syncsOfWrites(target).catch(() => undefined)
  if (syncs === undefined) return { isSynced: promised, known: 'as documented, not looked at' }
  return { isSynced: syncs >= WRITES, known: `${syncs} fsyncs for ${WRITES} writes, counted by strace` }
}

async function syncsOfWrites(target: Target): Promise<number | undefined> {
  if (target.pid === undefined) return undefined
  const calls = 'trace=fsync,fdatasync'
  const tracer = spawn('strace', ['-f', '-qq', '-e', calls, '-p', String(target.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let seen = ''
  tracer.stderr.on('data', text => {
    seen += text
  })
  const ended = once(tracer, 'close').catch(() => undefined)
  try {
    await withConnection(target, async connection => {
      const name = await makeDatabase(target, connection)
      // What is done once, as the database is opened, does not count.
      await put(target, connection, name, 0)
      await sleep(ATTACH_MS)
      seen = ''
      for (let number = 1; number <= WRITES; number++) await put(target, connection, name, number)
    })
    if (tracer.exitCode !== null || tracer.pid === undefined) return undefined
    tracer.kill('SIGINT')
    await ended
    return seen.match(/\b(fsync|fdatasync)\(/g)?.length ?? 0
  } finally {
    tracer.kill('SIGKILL')
  }
}

async function put(target: Target, connection: Connection, database: string, number: number): Promise<void> {
  const path = `${database}/${encodeURIComponent(docId(number))}`
  await connection.ask(requestOf(target, 'PUT', path, docText(number)))
}
