import { type Connection, withConnection } from '../client/connection.ts'
import { docId, docText } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { newUser, type User } from '../client/user.ts'
import { percentile } from '../measured.ts'
import { withBulkLoad } from './bulk-load.ts'
import type { Row, Sample, Size } from './row.ts'

/** However slow they are, single requests are not waited for longer than this. */
const AT_MOST_MS = 30_000

/** The slowest hundredth of one user's single requests, alone and beside another who writes batches without pause. */
async function beside(target: Target, size: Size, method: 'PUT' | 'GET'): Promise<Sample> {
  const user = await newUser(target)
  return await withConnection(target, async connection => {
    await latencies(user, connection, { method: 'PUT', first: 0, count: size.singles })
    const single = { method, count: size.singles }
    const alone = await latencies(user, connection, { ...single, first: size.singles })
    const loaded = await withBulkLoad(target, () =>
      latencies(user, connection, { ...single, first: 2 * size.singles }),
    )
    const [p99Alone, p99Loaded] = [percentile(alone, 0.99), percentile(loaded.result, 0.99)]
    return {
      value: p99Loaded / p99Alone,
      parts: {
        'p50 ms alone': percentile(alone, 0.5),
        'p99 ms alone': p99Alone,
        'p50 ms beside': percentile(loaded.result, 0.5),
        'p99 ms beside': p99Loaded,
        'docs/s of the other': loaded.docsPerSecond,
      },
    }
  })
}

type Singles = { readonly method: 'PUT' | 'GET'; readonly first: number; readonly count: number }

async function latencies(
  { target, database }: User,
  connection: Connection,
  { method, first, count }: Singles,
): Promise<number[]> {
  const taken: number[] = []
  const until = performance.now() + AT_MOST_MS
  for (let number = first; number < first + count && performance.now() < until; number++) {
    // Those that are read are the first that were written.
    const path = `${database}/${encodeURIComponent(docId(method === 'GET' ? number % count : number))}`
    const request = requestOf(target, method, path, method === 'GET' ? undefined : docText(number))
    const started = performance.now()
    await connection.ask(request)
    taken.push(performance.now() - started)
  }
  return taken
}

export const fairnessRows: readonly Row[] = (['PUT', 'GET'] as const).map(method => ({
  key: `beside-${method.toLowerCase()}`,
  title: `one user's ${method} beside another's batches: p99, of what it is alone`,
  unit: 'times',
  better: 'less',
  goal: { atMost: 10 },
  measure: (target, size) => beside(target, size, method),
}))
