import {
  TYPE_SUFFIXES,
  typeDatabaseName,
  typeDatabaseOf,
  typeOfSuffix,
} from '../../design-docs/type-database.ts'
import { metricsDbName, userDbName, userOfDb } from '../../design-docs/user-db.ts'
import { CouchError } from '../couch-error.ts'
import type { Caller } from './caller.ts'

/**
 * The words a route says who may call it with, from open to closed.
 * - `everyone`: anyone, whatever his credentials. Only a bearer token is looked at, and one that does not hold is as good as none. For what
 *   a client with a token that ran out must still be told: PouchDB makes its replication ids from `GET /`.
 * - `public`: anyone without credentials, or with valid ones.
 * - `caller`: anyone with valid credentials.
 * - `user`: the bearer of a valid token: for what is his own without a database being named. An admin has nothing of his own.
 * - `database`: who may read and write the database that the path's `:db` names.
 * - `admin`: server admins.
 */
export type Access = 'everyone' | 'public' | 'caller' | 'user' | 'database' | 'admin'

/** What a database is to the caller. `own-missing`: `me-` and what is no type. `none`: the route names none. */
type Relation = 'own' | 'own-missing' | 'other' | 'none'

type Verdict = 'allow' | 'unauthorized' | 'forbidden' | 'not_found'

/**
 * Who may do what, the whole of it: the first row that fits decides, and what fits none is denied. A route that
 * names a database is decided by the database, whatever its path goes on to say: bulk reads, local documents and
 * attachments too.
 *
 * `own` is `userdb-<hex of the token's sub>`, its `-metrics`, and its type databases, such as its `-session`; by these names or as `me`,
 * `me-metrics`, `me-session`. All else is `other` to a user: another's databases of both kinds, `_users`, what admins made.
 */
const ACCESS_TABLE: readonly {
  readonly access: Access | 'any'
  readonly caller: Caller['kind'] | 'any'
  readonly database: Relation | 'any'
  readonly verdict: Verdict
}[] = [
  { access: 'everyone', caller: 'any', database: 'none', verdict: 'allow' },
  { access: 'public', caller: 'any', database: 'none', verdict: 'allow' },
  { access: 'any', caller: 'anonymous', database: 'any', verdict: 'unauthorized' },
  { access: 'caller', caller: 'any', database: 'none', verdict: 'allow' },
  { access: 'user', caller: 'user', database: 'none', verdict: 'allow' },
  { access: 'database', caller: 'user', database: 'own', verdict: 'allow' },
  { access: 'database', caller: 'user', database: 'own-missing', verdict: 'not_found' },
  { access: 'database', caller: 'admin', database: 'other', verdict: 'allow' },
  { access: 'admin', caller: 'admin', database: 'other', verdict: 'allow' },
  { access: 'admin', caller: 'admin', database: 'none', verdict: 'allow' },
  { access: 'any', caller: 'any', database: 'any', verdict: 'forbidden' },
]

/**
 * Decides whether this caller may use a route of this access, on the database that its path names, if it names one.
 * Returns the database's real name; throws the refusal.
 */
export function admit(access: Access, caller: Caller, named: string | undefined): string | undefined {
  const name = named === undefined ? undefined : realName(caller, named)
  const verdict = verdictOf(access, caller, relation(caller, named, name))
  if (verdict !== 'allow') throw refusal(verdict, access, named)
  return name
}

/** True for the databases that are made at first use by the bearer of a valid token. A type database is none. */
export function isOwnDatabase(caller: Caller, name: string): boolean {
  return caller.kind === 'user' && userOfDb(name)?.sub === caller.sub
}

/** Where the server itself answers, so that no database could. */
const PATHS: readonly string[] = ['api', 'health', 'metrics']

/**
 * Names that stand for the caller's own databases, for one type of a user's documents, or for parts of the server; nobody can make a
 * database of them.
 */
export function isReservedName(name: string): boolean {
  return PATHS.includes(name) || name === 'me' || name.startsWith('me-') || typeDatabaseOf(name) !== undefined
}

function verdictOf(access: Access, caller: Caller, database: Relation): Verdict {
  const row = ACCESS_TABLE.find(
    row =>
      (row.access === 'any' || row.access === access) &&
      (row.caller === 'any' || row.caller === caller.kind) &&
      (row.database === 'any' || row.database === database),
  )
  return row?.verdict ?? 'forbidden'
}

function relation(caller: Caller, named: string | undefined, name: string | undefined): Relation {
  if (named === undefined) return 'none'
  if (name === undefined) return 'own-missing'
  return isOwnDatabase(caller, name) || isOwnTypeDatabase(caller, name) ? 'own' : 'other'
}

function isOwnTypeDatabase(caller: Caller, name: string): boolean {
  return caller.kind === 'user' && typeDatabaseOf(name)?.sub === caller.sub
}

/** Undefined: the user has no such database, and there is no such type. */
function realName(caller: Caller, named: string): string | undefined {
  if (caller.kind !== 'user' || (named !== 'me' && !named.startsWith('me-'))) return named
  if (named === 'me') return userDbName(caller.sub)
  if (named === 'me-metrics') return metricsDbName(caller.sub)
  const type = typeOfSuffix(named.slice('me-'.length))
  return type === undefined ? undefined : typeDatabaseName({ sub: caller.sub, type })
}

/** What a user calls his own. */
const OWN_NAMES: readonly string[] = ['me', ...['metrics', ...TYPE_SUFFIXES].map(suffix => `me-${suffix}`)]

/** A type in the plural, or not in kebab case, is a slip of the app's developer that nothing else would show. */
function whichThereAre(named: string): string {
  const name = /^[\w-]{1,40}$/.test(named) ? named : 'such database'
  return `You have no ${name}; there are ${OWN_NAMES.join(', ')}.`
}

/** What each access says to whom it leaves out. */
const REFUSALS: Readonly<
  Record<'admin' | 'user' | 'database', Readonly<Record<'unauthorized' | 'forbidden', string>>>
> = {
  admin: { unauthorized: 'You are not a server admin.', forbidden: 'You are not a server admin.' },
  user: { unauthorized: 'Log in first.', forbidden: 'Only a user has this; you are a server admin.' },
  database: {
    unauthorized: 'You are not authorized to access this db.',
    forbidden: 'You are not allowed to access this db.',
  },
}

function refusal(verdict: Exclude<Verdict, 'allow'>, access: Access, named: string | undefined): CouchError {
  if (verdict === 'not_found') return new CouchError('not_found', whichThereAre(named ?? ''))
  const { [verdict]: reason } = REFUSALS[access === 'admin' || access === 'user' ? access : 'database']
  return new CouchError(verdict, reason)
}
