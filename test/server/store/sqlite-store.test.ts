import t from 'tap'
import { openStore } from '../../../server/store/sqlite/open-store.ts'
import { subjectOf } from './contract/subject.ts'
import { wholeContract } from './contract/whole-contract.ts'
import { checkFile } from './sqlite/check-file.ts'

const file = `${t.testdir()}/store.db`
const store = await openStore({ file, log: line => t.fail(line) })

await wholeContract(t, subjectOf(store))

await t.test('after all this the file agrees with itself', async t => {
  await store.close()
  t.same(await checkFile(file), [])
})
