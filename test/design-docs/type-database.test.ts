import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { entities, entitiesIn } from '../../design-docs/catalogue.ts'
import type { Entity } from '../../design-docs/entity.ts'
import {
  TYPE_SUFFIXES,
  typeDatabaseName,
  typeDatabaseOf,
  typeOfSuffix,
} from '../../design-docs/type-database.ts'
import { metricsDbName, userDbName, userOfDb } from '../../design-docs/user-db.ts'
import { PROJECT_FOLDER } from '../fixtures/project-folder.ts'

const MAIN = userDbName('abc')

t.test('each type of the main database has a type database whose name leads back to it', async t => {
  for (const { type } of entitiesIn('main')) {
    for (const sub of ['abc', 'Zoë 😀', '-session', '\0']) {
      const name = typeDatabaseName({ sub, type })
      t.strictSame(typeDatabaseOf(name), { sub, type })
      t.equal(userOfDb(name), undefined, 'it is no database of his')
    }
  }
  t.equal(new Set(TYPE_SUFFIXES).size, entitiesIn('main').length)
})

t.test('types are in kebab case, and none takes the name of the metrics database', async t => {
  t.equal(typeDatabaseName({ sub: 'abc', type: 'phaseStat' }), `${MAIN}-phase-stat`)
  t.equal(typeDatabaseName({ sub: 'abc', type: 'gamificationStats' }), `${MAIN}-gamification-stats`)
  t.equal(typeOfSuffix('routine-exercise'), 'routineExercise')
  t.ok(TYPE_SUFFIXES.every(suffix => /^[a-z]+(-[a-z]+)*$/.test(suffix)))
  t.notOk(TYPE_SUFFIXES.includes('metrics'))
})

t.test('other names show no type', async t => {
  const names = [
    '',
    'me-session',
    MAIN,
    metricsDbName('abc'),
    `${MAIN}-`,
    `${MAIN}-phaseStat`,
    `${MAIN}-phasestat`,
    `${MAIN}-Session`,
    `${MAIN}-session-`,
    `${MAIN}-session\n`,
    `${MAIN}-metrics-session`,
    `${MAIN}-session-session`,
    `${MAIN}-account`,
    `${MAIN}-org.couchdb.user`,
    `${MAIN}-constructor`,
    `x${MAIN}-session`,
    `${MAIN.toUpperCase()}-session`,
    'userdb--session',
    'userdb-ff-session',
    'userdb-6-session',
  ]
  for (const name of names) t.equal(typeDatabaseOf(name), undefined, name)
})

t.test('a type of another database has no type database', async t => {
  t.throws(() => typeDatabaseName({ sub: 'abc', type: 'metrics' }), /main database/)
  t.equal(typeOfSuffix('metrics'), undefined)
})

const ID_AFTER_TYPE: Readonly<Record<Entity['identity'], string>> = {
  client: ':<uuid>',
  singleton: '',
  device: ':<deviceId>',
  chunk: ':<sessionId>:<anything>',
  account: ':<email>',
}

t.test('the page of the descriptions has every type with its URL, its ids and its table', async t => {
  const page = await readFile(join(PROJECT_FOLDER, 'design-docs/README.md'), 'utf8')
  const [, section = ''] = page.split('## Types and their URLs')
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter(line => line.startsWith('| `'))
  const urlOf = ({ type, database }: Entity) => {
    if (database === 'accounts') return 'none: admins have `/_users`'
    if (database === 'metrics') return '`/me-metrics`'
    return `\`/me-${typeDatabaseName({ sub: 'abc', type }).slice(`${MAIN}-`.length)}\``
  }
  t.strictSame(
    lines,
    entities.map(entity => {
      const { type, table, identity } = entity
      return `| \`${type}\` | ${urlOf(entity)} | \`${type}${ID_AFTER_TYPE[identity]}\` | \`${table}\` |`
    }),
  )
})
