import t from 'tap'
import { entitiesIn } from '../../design-docs/catalogue.ts'
import { typeOfSuffix, typeViewName, typeViewOfDb, VIEW_SUFFIXES } from '../../design-docs/type-view.ts'
import { metricsDbName, userDbName, userOfDb } from '../../design-docs/user-db.ts'

const MAIN = userDbName('abc')

t.test('each type of the main database has a view whose name leads back to it', async t => {
  for (const { type } of entitiesIn('main')) {
    for (const sub of ['abc', 'Zoë 😀', '-session', '\0']) {
      const name = typeViewName({ sub, type })
      t.strictSame(typeViewOfDb(name), { sub, type })
      t.equal(userOfDb(name), undefined, 'it is no database of his')
    }
  }
  t.equal(new Set(VIEW_SUFFIXES).size, entitiesIn('main').length)
})

t.test('types are in kebab case, and none takes the name of the metrics database', async t => {
  t.equal(typeViewName({ sub: 'abc', type: 'phaseStat' }), `${MAIN}-phase-stat`)
  t.equal(typeViewName({ sub: 'abc', type: 'gamificationStats' }), `${MAIN}-gamification-stats`)
  t.equal(typeOfSuffix('routine-exercise'), 'routineExercise')
  t.ok(VIEW_SUFFIXES.every(suffix => /^[a-z]+(-[a-z]+)*$/.test(suffix)))
  t.notOk(VIEW_SUFFIXES.includes('metrics'))
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
  for (const name of names) t.equal(typeViewOfDb(name), undefined, name)
})

t.test('a type of another database has no view', async t => {
  t.throws(() => typeViewName({ sub: 'abc', type: 'metrics' }), /main database/)
  t.equal(typeOfSuffix('metrics'), undefined)
})
