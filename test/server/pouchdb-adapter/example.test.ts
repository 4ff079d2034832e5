import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import PouchDB from 'pouchdb-node'
import t from 'tap'
import { divanPouchDB } from '../../../server/pouchdb-adapter/divan-adapter.ts'
import { PROJECT_FOLDER } from '../../fixtures/project-folder.ts'
import { runningServer } from '../../fixtures/running-server.ts'

const README = join(PROJECT_FOLDER, 'server/pouchdb-adapter/README.md')

t.test('the example of the README does what it says', async t => {
  const server = await runningServer(t)
  const example = /```ts\nimport [^\n]+\n\n(.*?)```/s.exec(readFileSync(README, 'utf8'))?.[1] ?? ''
  t.match(example, /divanPouchDB/)
  const elsewhere = `${server.adminUrl}/elsewhere`
  const lines = example.replace('http://127.0.0.1:5984/notes', elsewhere)
  const run = new Function('PouchDB', 'divanPouchDB', 'store', `return (async () => { ${lines} })()`)
  await run(PouchDB, divanPouchDB, server.store)
  const there = new PouchDB(elsewhere)
  t.match(await there.get('a'), { text: 'written in process' })
})
