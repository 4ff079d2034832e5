import { openStore } from '../../../../server/store/sqlite/open-store.ts'
import { databaseOf, interactive } from '../contract/subject.ts'

const DOCS = 500
const BODY = JSON.stringify({ text: 'x'.repeat(5000) })

/** Makes a store of some MB, whose copy takes long enough to be killed in between. How many documents it has. */
export async function largeStore(
  file: string,
  prefix: string,
  whileOpen: () => void = () => {},
): Promise<number> {
  const store = await openStore({ file })
  await store.createDatabase('a')
  const edits = Array.from({ length: DOCS }, (_, n) =>
    interactive(`${prefix}${n}`, undefined, { body: BODY }),
  )
  await databaseOf(store, 'a').write(edits)
  whileOpen()
  await store.close()
  return DOCS
}
