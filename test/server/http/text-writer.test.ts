import t from 'tap'
import type { Out } from '../../../server/http/route.ts'
import { TextWriter } from '../../../server/http/text-writer.ts'

/** A socket that takes what it is given and drains when it is told to. */
function slowSocket() {
  const chunks: string[] = []
  const waiting: (() => void)[] = []
  const out: Out = {
    signal: new AbortController().signal,
    write(chunk) {
      chunks.push(String(chunk))
      return new Promise(resolve => waiting.push(resolve))
    },
  }
  return { out, chunks, drain: () => waiting.shift()?.() }
}

t.test('small texts are gathered, and only a full chunk waits for the socket', async t => {
  const { out, chunks, drain } = slowSocket()
  const writer = new TextWriter(out)
  t.equal(writer.add('x'.repeat(60_000)), undefined)
  t.strictSame(chunks, [])
  const written = writer.add('y'.repeat(6_000))
  t.equal(chunks[0]?.length, 66_000)
  let hasDrained = false
  const then = written?.then(() => {
    hasDrained = true
  })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(hasDrained, false)
  drain()
  await then
  t.equal(hasDrained, true)
})

t.test('what is left is flushed, nothing is not', async t => {
  const { out, chunks, drain } = slowSocket()
  const writer = new TextWriter(out)
  t.equal(writer.flush(), undefined)
  await writer.add('end')
  const flushed = writer.flush()
  drain()
  await flushed
  t.strictSame(chunks, ['end'])
})

t.test('a socket that keeps up still leaves others their turn after each chunk', async t => {
  const writer = new TextWriter({ signal: new AbortController().signal, write: () => undefined })
  let turns = 0
  setImmediate(() => turns++)
  await writer.add('x'.repeat(70_000))
  t.equal(turns, 1)
})
