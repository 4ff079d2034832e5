import t, { type Test } from 'tap'
import type { Command, Results } from '../../../../../server/store/sqlite/commands.ts'
import { Connection } from '../../../../../server/store/sqlite/connection.ts'
import { loadDriver } from '../../../../../server/store/sqlite/driver.ts'
import { openStore } from '../../../../../server/store/sqlite/open-store.ts'
import { prepareFile } from '../../../../../server/store/sqlite/prepare-file.ts'
import { Writer } from '../../../../../server/store/sqlite/writer/writer.ts'
import { databaseOf, interactive } from '../../contract/subject.ts'
import { checkFile } from '../check-file.ts'

const open = await loadDriver()
const MIB = 1024 * 1024

/** A writer on this thread with the database 1, and a way to run single commands. */
function openWriter(t: Test) {
  const file = `${t.testdir()}/store.db`
  prepareFile(open, file)
  const connection = new Connection(open, file)
  t.teardown(() => connection.close())
  const writer = new Writer(connection, line => t.fail(line))
  const run = (command: Command): unknown => {
    const [answer] = writer.commit([{ request: 1, command }]).answers
    return answer?.ok === true ? answer.result : answer
  }
  run({ kind: 'createDatabase', name: 'a' })
  return { file, run }
}

t.test('a command ends after so many bytes, and the next one goes on', async t => {
  const { file, run } = openWriter(t)
  const body = JSON.stringify({ text: 'x'.repeat(MIB) })
  const edits = Array.from({ length: 10 }, (_, n) => interactive(`${n}`, undefined, { body }))
  const revs = run({ kind: 'write', db: 1, edits }) as readonly string[]
  const list = revs.map((rev, n) => [`${n}`, [rev]] as const)
  const done: number[] = []
  for (let next = 0; next < list.length; next += done.at(-1) ?? list.length) {
    const command: Command = { kind: 'purge', db: 1, revs: new Map(list.slice(next)) }
    const answer = run(command) as Results['purge']
    t.same([...answer.purged], list.slice(next, next + answer.done))
    done.push(answer.done)
  }
  t.same(done, [4, 4, 2])
  t.same(await checkFile(file), [])
})

t.test('who asks for many is answered once, with all of them', async t => {
  const file = `${t.testdir()}/store.db`
  const store = await openStore({ file, log: line => t.fail(line) })
  await store.createDatabase('a')
  const database = databaseOf(store, 'a')
  const body = JSON.stringify({ text: 'x'.repeat(MIB / 8) })
  const written = await database.write(
    Array.from({ length: 250 }, (_, n) => interactive(`${n}`, undefined, { body })),
  )
  const revs = new Map(written.map(outcome => [outcome.id, [outcome.ok ? outcome.rev : '']]))
  t.same([...(await database.purge(new Map([...revs, ['never', ['1-a']]])))], [...revs])
  t.match(database.facts(), { docCount: 0, storedBytes: 0, purgeSeq: 250 })
  t.equal((await database.purge(new Map())).size, 0)
  await store.close()
  t.same(await checkFile(file), [])
})
