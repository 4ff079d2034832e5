import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { databaseOf, interactive } from '../contract/subject.ts'

/** What the process tells of each acknowledged write. */
export type Acknowledged = { readonly database: string; readonly id: string; readonly rev: string }

const WRITERS = 8
const DATABASES = ['a', 'b', 'c']

/** Writes as fast as it can until it is killed: small and large lists, edits, deletes, attachments. */
async function write(file: string): Promise<void> {
  const store = await openStore({ file })
  for (const name of DATABASES) await store.createDatabase(name)
  const writer = async (n: number) => {
    for (let round = 0; ; round++) {
      const name = DATABASES[(n + round) % DATABASES.length] ?? ''
      const prefix = `${process.pid}-${n}-${round}`
      const ids = Array.from({ length: round % 10 === 9 ? 200 : 1 }, (_, i) => `${prefix}-${i}`)
      await writeAndTell(name, ids)
    }
  }
  const writeAndTell = async (name: string, ids: readonly string[]) => {
    const database = databaseOf(store, name)
    const data = Buffer.alloc(20_000, ids[0])
    const attachments = ids.length === 1 ? [{ name: 'x', contentType: 'text/plain', data }] : undefined
    const outcomes = await database.write(ids.map(id => interactive(id, undefined, { attachments })))
    const again = await database.write(
      outcomes.map(outcome =>
        interactive(outcome.id, outcome.ok ? outcome.rev : '', { deleted: ids.length === 1 }),
      ),
    )
    for (const outcome of again) {
      if (!outcome.ok) throw new Error(outcome.reason)
      process.send?.({ database: name, id: outcome.id, rev: outcome.rev } satisfies Acknowledged)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)))
}

await write(process.argv[2] ?? '')
