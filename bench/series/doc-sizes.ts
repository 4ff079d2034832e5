import { type Connection, withConnection } from '../client/connection.ts'
import { bulkBodies } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { makeDatabase } from '../rows/databases.ts'
import { type Cost, costOf } from './cost.ts'
import type { Series } from './series.ts'

/** So much is written of each size, for each of `singles`. */
const BYTES_EACH = 50_000

/** Documents that grow. */
export const docSizesSeries: Series = {
  key: 'scale-sizes',
  title: 'Size of a document',
  of: 'bytes',
  amounts: {
    quick: [200, 5_000],
    usual: [200, 1_000, 5_000, 20_000, 100_000, 1_000_000],
    full: [200, 1_000, 5_000, 20_000, 100_000, 1_000_000],
  },
  lines: [
    { name: 'processor time of writing a KB', unit: 'µs' },
    { name: 'processor time of reading a KB', unit: 'µs' },
    { name: 'written', unit: 'MB/s' },
    { name: 'read', unit: 'MB/s' },
  ],
  measure: (target, bytes, size) =>
    withConnection(target, async connection => {
      const kilobytes =
        (Math.ceil(Math.min(size.documents, (BYTES_EACH * size.singles) / bytes)) * bytes) / 1000
      const { written, read } = await writeAndRead(target, connection, { bytes, kilobytes })
      return [
        written.cpuMicroseconds,
        read.cpuMicroseconds,
        1000 / written.microseconds,
        1000 / read.microseconds,
      ]
    }),
}

type Amount = { readonly bytes: number; readonly kilobytes: number }

async function writeAndRead(
  target: Target,
  connection: Connection,
  { bytes, kilobytes }: Amount,
): Promise<{ readonly written: Cost; readonly read: Cost }> {
  const name = await makeDatabase(target, connection)
  const requests = bulkBodies(0, (1000 * kilobytes) / bytes, true, bytes).map(body =>
    requestOf(target, 'POST', `${name}/_bulk_docs`, body),
  )
  const written = await costOf(target, async () => {
    for (const request of requests) await connection.ask(request)
    return kilobytes
  })
  const read = await costOf(target, async () => {
    await connection.ask(requestOf(target, 'GET', `${name}/_changes?include_docs=true`))
    return kilobytes
  })
  return { written, read }
}
