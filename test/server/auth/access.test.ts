import t from 'tap'
import { entitiesIn } from '../../../design-docs/catalogue.ts'
import { typeDatabaseName } from '../../../design-docs/type-database.ts'
import { metricsDbName, userDbName } from '../../../design-docs/user-db.ts'
import { type Access, admit, isOwnDatabase, isReservedName } from '../../../server/auth/access.ts'
import type { Caller } from '../../../server/auth/caller.ts'

const anonymous: Caller = { kind: 'anonymous' }
const user: Caller = { kind: 'user', sub: 'anna', expiresAt: 0 }
const admin: Caller = { kind: 'admin', name: 'root' }
const OWN = userDbName('anna')
const OTHER = userDbName('bert')

type Case = {
  readonly access: Access
  readonly caller: Caller
  readonly named: string | undefined
  /** The database's real name (undefined: allowed, without one), or the refusal's word. */
  readonly gives: { readonly name: string | undefined } | 'unauthorized' | 'forbidden' | 'not_found'
}

const allowed = { name: undefined }

const cases: readonly Case[] = [
  { access: 'everyone', caller: anonymous, named: undefined, gives: allowed },
  { access: 'public', caller: anonymous, named: undefined, gives: allowed },
  { access: 'public', caller: user, named: undefined, gives: allowed },
  { access: 'caller', caller: anonymous, named: undefined, gives: 'unauthorized' },
  { access: 'caller', caller: user, named: undefined, gives: allowed },
  { access: 'caller', caller: admin, named: undefined, gives: allowed },
  { access: 'user', caller: anonymous, named: undefined, gives: 'unauthorized' },
  { access: 'user', caller: user, named: undefined, gives: allowed },
  { access: 'user', caller: admin, named: undefined, gives: 'forbidden' },
  { access: 'admin', caller: anonymous, named: undefined, gives: 'unauthorized' },
  { access: 'admin', caller: user, named: undefined, gives: 'forbidden' },
  { access: 'admin', caller: admin, named: undefined, gives: allowed },
  { access: 'admin', caller: user, named: OWN, gives: 'forbidden' },
  { access: 'admin', caller: user, named: 'me', gives: 'forbidden' },
  { access: 'admin', caller: user, named: 'me-session', gives: 'forbidden' },
  { access: 'admin', caller: admin, named: OWN, gives: { name: OWN } },
  { access: 'database', caller: anonymous, named: OWN, gives: 'unauthorized' },
  { access: 'database', caller: anonymous, named: 'me', gives: 'unauthorized' },
  { access: 'database', caller: anonymous, named: 'no-such-one', gives: 'unauthorized' },
  { access: 'database', caller: user, named: OWN, gives: { name: OWN } },
  { access: 'database', caller: user, named: 'me', gives: { name: OWN } },
  { access: 'database', caller: user, named: 'me-metrics', gives: { name: metricsDbName('anna') } },
  { access: 'database', caller: user, named: metricsDbName('anna'), gives: { name: metricsDbName('anna') } },
  { access: 'database', caller: user, named: 'me-session', gives: { name: `${OWN}-session` } },
  { access: 'database', caller: user, named: 'me-phase-stat', gives: { name: `${OWN}-phase-stat` } },
  { access: 'database', caller: user, named: 'me-phaseStat', gives: 'not_found' },
  { access: 'database', caller: user, named: 'me-Session', gives: 'not_found' },
  { access: 'database', caller: user, named: 'me-', gives: 'not_found' },
  { access: 'database', caller: user, named: 'me-x', gives: 'not_found' },
  { access: 'database', caller: user, named: 'me-constructor', gives: 'not_found' },
  { access: 'database', caller: user, named: 'me-session-session', gives: 'not_found' },
  { access: 'database', caller: user, named: 'me-metrics-session', gives: 'not_found' },
  { access: 'database', caller: anonymous, named: 'me-session', gives: 'unauthorized' },
  { access: 'database', caller: anonymous, named: `${OWN}-session`, gives: 'unauthorized' },
  { access: 'admin', caller: user, named: `${OWN}-session`, gives: 'forbidden' },
  { access: 'database', caller: user, named: OTHER, gives: 'forbidden' },
  { access: 'database', caller: user, named: metricsDbName('bert'), gives: 'forbidden' },
  { access: 'database', caller: user, named: `${OWN}-session`, gives: { name: `${OWN}-session` } },
  { access: 'database', caller: user, named: `${OWN}-x`, gives: 'forbidden' },
  { access: 'database', caller: user, named: `${OWN}-session\0`, gives: 'forbidden' },
  { access: 'database', caller: user, named: `${OWN}-metrics-session`, gives: 'forbidden' },
  { access: 'database', caller: user, named: `${OTHER}-session`, gives: 'forbidden' },
  { access: 'database', caller: user, named: `${OTHER}-gamification-stats`, gives: 'forbidden' },
  { access: 'database', caller: user, named: `${OWN}\0`, gives: 'forbidden' },
  { access: 'database', caller: user, named: OWN.toUpperCase(), gives: 'forbidden' },
  { access: 'database', caller: user, named: `${OWN}/`, gives: 'forbidden' },
  { access: 'database', caller: user, named: '_users', gives: 'forbidden' },
  { access: 'database', caller: user, named: '', gives: 'forbidden' },
  { access: 'database', caller: admin, named: OTHER, gives: { name: OTHER } },
  { access: 'database', caller: admin, named: `${OTHER}-session`, gives: { name: `${OTHER}-session` } },
  { access: 'database', caller: admin, named: 'me-session', gives: { name: 'me-session' } },
  { access: 'database', caller: admin, named: '_users', gives: { name: '_users' } },
  { access: 'database', caller: admin, named: 'me', gives: { name: 'me' } },
  // A route that forgot to say what it is: denied, not open.
  { access: 'everyone', caller: anonymous, named: OWN, gives: 'unauthorized' },
  { access: 'public', caller: user, named: OTHER, gives: 'forbidden' },
  { access: 'caller', caller: user, named: OTHER, gives: 'forbidden' },
  { access: 'database', caller: user, named: undefined, gives: 'forbidden' },
]

for (const { access, caller, named, gives } of cases) {
  t.test(
    `${caller.kind} at ${access}${named === undefined ? '' : ` of ${JSON.stringify(named)}`}`,
    async t => {
      if (typeof gives === 'string')
        t.throws(() => admit(access, caller, named), { name: 'CouchError', word: gives })
      else t.equal(admit(access, caller, named), gives.name)
    },
  )
}

t.test('only the databases of a valid token’s sub are made by themselves', async t => {
  t.equal(isOwnDatabase(user, OWN), true)
  t.equal(isOwnDatabase(user, metricsDbName('anna')), true)
  t.equal(isOwnDatabase(user, OTHER), false)
  t.equal(isOwnDatabase(user, 'userdb-'), false)
  t.equal(isOwnDatabase(user, `${OWN}-session`), false, 'a type database is none of them')
  t.equal(isOwnDatabase(admin, OWN), false)
  t.equal(isOwnDatabase(anonymous, OWN), false)
})

t.test('a user has a database of each type, under two names, and nobody else has it', async t => {
  const bert: Caller = { kind: 'user', sub: 'bert', expiresAt: 0 }
  for (const { type } of entitiesIn('main')) {
    const name = typeDatabaseName({ sub: 'anna', type })
    t.equal(admit('database', user, name), name)
    t.equal(admit('database', user, name.replace(OWN, 'me')), name)
    t.throws(() => admit('database', bert, name), { name: 'CouchError', word: 'forbidden' })
    t.not(admit('database', bert, name.replace(OWN, 'me')), name)
    t.equal(isReservedName(name), true)
  }
})

t.test('names that stand for something else', async t => {
  for (const name of ['me', 'me-metrics', 'me-x', 'api', 'health', 'metrics', `${OWN}-session`])
    t.equal(isReservedName(name), true, name)
  for (const name of ['media', 'apis', 'users', 'm', OWN, `${OWN}-x`])
    t.equal(isReservedName(name), false, name)
})
