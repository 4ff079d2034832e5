import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { heldBy } from '../../fixtures/held-by-process.ts'
import { rounds } from '../../fixtures/rounds.ts'
import { serverProcess } from '../../fixtures/server-process.ts'

const HEAP_MIB = 200
/** How long a server that is going to die lives on. */
const WATCHED_MS = rounds(700, 4000)

const server = await serverProcess(t, { maxHeapMib: HEAP_MIB })
const port = Number(new URL(server.url).port)
const token = server.token('anna')
const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
const big = { a: 'x'.repeat(8_000_000) }

function head(line: string, ...more: readonly string[]): string {
  return [`${line} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${token}`, ...more, '\r\n'].join('\r\n')
}

/** A client that sends and never reads. */
function sender(t: Test, bytes: string | Uint8Array): void {
  const socket = connect(port, '127.0.0.1').pause()
  socket.on('error', () => {})
  socket.write(bytes)
  t.teardown(() => socket.destroy())
}

/** The server's memory in MiB; it answers another user meanwhile. */
async function outlived(t: Test): Promise<void> {
  const end = Date.now() + WATCHED_MS
  do {
    const answer = await fetch(`${server.url}/me`, {
      headers: { Authorization: `Bearer ${server.token('bert')}` },
    })
    t.equal(answer.status, 200)
    await answer.arrayBuffer()
    await sleep(100)
  } while (Date.now() < end)
}

t.before(async () => {
  const put = await fetch(`${server.url}/me/big`, { method: 'PUT', headers, body: JSON.stringify(big) })
  t.equal(put.status, 201)
})

t.test('two hundred requests on one connection for a document of 8 MB, and nothing is read', async t => {
  sender(t, head('GET /me/big').repeat(200))
  await outlived(t)
})

for (const path of [
  '/me/big',
  '/me/_changes?include_docs=true',
  '/me/_all_docs?include_docs=true',
  '/me/big?open_revs=all',
])
  t.test(`sixty connections that ask for ${path} and read nothing`, async t => {
    for (let n = 0; n < 60; n++) sender(t, head(`GET ${path}`))
    await outlived(t)
    const other = { Authorization: `Bearer ${server.token('carl')}`, 'Content-Type': 'application/json' }
    const doc = { method: 'PUT', headers: other, body: JSON.stringify(big) }
    await fetch(`${server.url}/me/${encodeURIComponent(path)}`, doc)
    const read = await fetch(`${server.url}/me/${encodeURIComponent(path)}`, { headers: other })
    t.equal(
      (await read.arrayBuffer()).byteLength > 8_000_000,
      true,
      'another user is given his large document',
    )
  })

t.test('forty small gzips of 60 MB that never end', async t => {
  const packed = gzipSync(`{"a":"${'x'.repeat(60_000_000)}"}`, { level: 9 })
  const begun = head('PUT /me/x', 'Content-Encoding: gzip', `Content-Length: ${packed.length}`)
  for (let n = 0; n < 40; n++) sender(t, Buffer.concat([Buffer.from(begun), packed.subarray(0, -40)]))
  await outlived(t)
})

t.test('a million chunks of one byte', async t => {
  const begun = head('PUT /me/x', 'Transfer-Encoding: chunked')
  sender(t, begun + '1\r\nx\r\n'.repeat(1_000_000))
  await outlived(t)
})

/** A pull of 20 MB; in the long form one of 100,000 rows. */
const ROWS = rounds(1000, 100_000)
const ROW_CHARS = rounds(20_000, 1000)
const ROWS_OF_A_PUSH = rounds(500, 10_000)
/** By so much more the process may hold while pulls of 400 MB and more are under way. */
const MAX_GROWTH_MIB = 150

const dora = { Authorization: `Bearer ${server.token('dora')}`, 'Content-Type': 'application/json' }
const pullBody = (deviceId: string) => JSON.stringify({ deviceId, lastSync: 0 })

async function pushRows(): Promise<void> {
  for (let from = 0; from < ROWS; from += ROWS_OF_A_PUSH) {
    const exercises = Array.from({ length: ROWS_OF_A_PUSH }, (_, n) => ({
      clientId: `${from + n}`,
      name: 'Row',
      muscleGroup: 'back',
      muscleGroups: 'back',
      equipment: 'cable',
      defaultCableConfig: 'DOUBLE',
      aliases: 'x'.repeat(ROW_CHARS),
      createdAt: 1,
      updatedAt: 1,
    }))
    const body = JSON.stringify({ deviceId: 'a', platform: 'ios', lastSync: 0, exercises })
    const answer = await fetch(`${server.url}/api/sync/push`, { method: 'POST', headers: dora, body })
    if (answer.status !== 200) throw new Error(await answer.text())
    await answer.arrayBuffer()
  }
}

/** A pull that is read to its end, each piece after the server answered something else. */
async function slowPull(
  deviceId: string,
): Promise<{ readonly exercises: readonly { readonly clientId: string }[] }> {
  const asked = { method: 'POST', headers: dora, body: pullBody(deviceId) }
  const answer = await fetch(`${server.url}/api/sync/pull`, asked)
  const pieces: Uint8Array[] = []
  for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
    pieces.push(piece)
    if (pieces.length % 16 === 0) await (await fetch(`${server.url}/health`)).arrayBuffer()
  }
  return JSON.parse(Buffer.concat(pieces).toString())
}

t.test('twenty pulls of all that a user has which nobody reads, and one that is read slowly', async t => {
  await pushRows()
  const before = heldBy(server.pid).residentMb ?? 0
  let most = 0
  const look = setInterval(() => {
    most = Math.max(most, heldBy(server.pid).residentMb ?? 0)
  }, 20)
  t.teardown(() => clearInterval(look))
  for (let n = 0; n < 20; n++) {
    const body = pullBody(`unread-${n}`)
    const lines = ['POST /api/sync/pull HTTP/1.1', 'Host: x', `Authorization: ${dora.Authorization}`]
    const more = ['Content-Type: application/json', `Content-Length: ${body.length}`, '', body]
    sender(t, [...lines, ...more].join('\r\n'))
  }
  const { exercises } = await slowPull('slow')
  await outlived(t)
  t.equal(new Set(exercises.map(({ clientId }) => clientId)).size, ROWS)
  t.equal(exercises.length, ROWS, 'each row once')
  t.comment(`${before} MiB before, ${most} MiB at most`)
  t.ok(most - before < MAX_GROWTH_MIB, `${before} MiB before, ${most} MiB at most`)
})
