import { setTimeout as sleep } from 'node:timers/promises'
import { withConnection } from '../client/connection.ts'
import { bulkBodies } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { makeDatabase } from './databases.ts'
import { heldBy } from './process-cost.ts'
import type { Row, Sample, Size } from './row.ts'

const LARGE_DOC_BYTES = 10_000
/** The reader takes what is there, then rests. */
const REST_MS = 40

/** How much the server's memory grows at most while somebody takes a large answer slowly. */
async function readSlowly(target: Target, size: Size): Promise<Sample> {
  const name = await fill(target, (size.slowAnswerMb * 1e6) / LARGE_DOC_BYTES)
  // What was needed to write it is not looked at, nor the engine's cache of pages, which any reading fills.
  await withConnection(target, connection => connection.ask(feedOf(target, name)))
  await sleep(1000)
  const before = heldBy(target.pid)?.residentMb ?? Number.NaN
  return await withConnection(target, async connection => {
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most, heldBy(target.pid)?.residentMb ?? Number.NaN)
    }, 20)
    const { bytes } = await connection.ask(feedOf(target, name), {
      onPiece() {
        connection.socket.pause()
        setTimeout(() => connection.socket.resume(), REST_MS)
      },
    })
    clearInterval(watch)
    return { value: most - before, parts: { 'MB answered': bytes / 1e6 }, ...heldBy(target.pid) }
  })
}

function feedOf(target: Target, name: string) {
  return requestOf(target, 'GET', `${name}/_changes?since=0&include_docs=true`)
}

async function fill(target: Target, docs: number): Promise<string> {
  return await withConnection(target, async connection => {
    const name = await makeDatabase(target, connection)
    for (const body of bulkBodies(0, docs, false, LARGE_DOC_BYTES))
      await connection.ask(requestOf(target, 'POST', `${name}/_bulk_docs`, body))
    return name
  })
}

export const slowReaderRow: Row = {
  key: 'slow-reader',
  title: 'a large _changes answer to a slow reader: memory it adds',
  unit: 'MB',
  better: 'less',
  goal: { atMost: 32 },
  fresh: true,
  once: true,
  measure: readSlowly,
}
