import { withConnections } from '../client/connection.ts'
import { docId, docText } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { newUser, type User } from '../client/user.ts'
import { percentile } from '../measured.ts'
import { costOf } from './cost.ts'
import type { Series } from './series.ts'

/** Users who write at once, each into a database of his own, a document at a time. */
export const writersSeries: Series = {
  key: 'scale-writers',
  title: 'Writers at once, each into a database of his own, single documents',
  of: 'writers',
  amounts: { quick: [1, 16], usual: [1, 4, 16, 64, 256], full: [1, 4, 16, 64, 256] },
  lines: [
    { name: 'processor time of a write', unit: 'µs' },
    { name: 'writes in a second', unit: '/s' },
    { name: 'p99 of one', unit: 'ms' },
  ],
  async measure(target, amount, size) {
    const users = await Promise.all(Array.from({ length: amount }, () => newUser(target)))
    const each = Math.ceil(Math.max(size.singles / amount, size.singles / 20))
    await writeAll(target, users, { first: 0, each })
    let taken: number[] = []
    const cost = await costOf(target, async () => {
      taken = await writeAll(target, users, { first: each, each })
      return taken.length
    })
    return [cost.cpuMicroseconds, 1e6 / cost.microseconds, percentile(taken, 0.99)]
  },
}

type Writes = { readonly first: number; readonly each: number }

/** How long each write took, in milliseconds. */
async function writeAll(target: Target, users: readonly User[], { first, each }: Writes): Promise<number[]> {
  const taken: number[] = []
  await withConnections(target, users.length, connections =>
    Promise.all(
      users.map(async (user, place) => {
        for (let number = first; number < first + each; number++) {
          const path = `${user.database}/${encodeURIComponent(docId(number))}`
          const request = requestOf(user.target, 'PUT', path, docText(number))
          const started = performance.now()
          await connections[place]?.ask(request)
          taken.push(performance.now() - started)
        }
      }),
    ),
  )
  return taken
}
