import { pino } from 'pino'
import t from 'tap'
import { ServerError } from '../../bridge/couch-client.ts'
import { TroubledDatabases } from '../../bridge/troubled-databases.ts'

function troubledDatabases() {
  const said: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line).msg) })
  return { troubled: new TroubledDatabases(log), said }
}

function refused(reason: string) {
  return new ServerError(reason, { status: 500 })
}

t.test('a database that fails three times in a row is in trouble until it succeeds', async t => {
  const { troubled, said } = troubledDatabases()
  for (const reason of ['no', 'no']) troubled.failed('a', refused(reason))
  troubled.succeeded('a')
  for (let n = 0; n < 2; n++) troubled.failed('a', refused('no'))
  t.strictSame([troubled.list, said], [[], []], 'what passes by itself is not worth a line')
  for (let n = 0; n < 50; n++) troubled.failed('a', refused(`no ${n}`))
  t.match(troubled.list, [{ database: 'a', reason: 'no 49' }])
  troubled.succeeded('b')
  t.equal(troubled.list.length, 1)
  troubled.succeeded('a')
  t.strictSame(troubled.list, [])
  t.match(said, [/^a database cannot be mirrored/, /^a database is mirrored again, after 0 s$/])
  t.equal(said.length, 2)
})

t.test('what another bridge has mirrored is in trouble no more', async t => {
  const { troubled, said } = troubledDatabases()
  for (let n = 0; n < 3; n++) for (const database of ['a', 'b']) troubled.failed(database, refused('no'))
  t.strictSame(troubled.failing, ['a', 'b'])
  troubled.keep(new Set(['b', 'c']))
  t.match(troubled.list, [{ database: 'b' }])
  t.equal(said.length, 3)
})

t.test('thousands are counted, twenty are named, and they are many only while none succeeds', async t => {
  const { troubled, said } = troubledDatabases()
  for (let n = 0; n < 3; n++) {
    for (let database = 0; database < 5000; database++) troubled.failed(`userdb-${database}`, refused('no'))
  }
  t.equal(troubled.list.length, 5000)
  t.equal(said.length, 21)
  t.ok(troubled.areMany)
  troubled.succeeded('good')
  t.notOk(troubled.areMany)
  for (let n = 0; n < 50; n++) troubled.failed('userdb-1', refused('no'))
  t.notOk(troubled.areMany, 'one database that fails often is one')
})

t.test('what nobody foresaw is said at once, and once', async t => {
  const { troubled, said } = troubledDatabases()
  troubled.failed('a', new Error('a bug'))
  t.match(said, [/^a database cannot be mirrored/])
  t.strictSame(troubled.list, [], 'it may have been the only time')
  for (let n = 0; n < 5; n++) troubled.failed('a', new Error('a bug'))
  t.equal(said.length, 1)
})
