import { randomUUID } from 'node:crypto'
import { userDbName } from '../../design-docs/user-db.ts'
import { mintToken } from '../../server/auth/token.ts'
import { type Connection, withConnection } from './connection.ts'
import { requestOf, type Target } from './target.ts'

/** Somebody with a database of his own: as a caller of his own where the server has users, else one more database. */
export type User = { readonly target: Target; readonly database: string }

export async function newUser(target: Target): Promise<User> {
  const sub = randomUUID()
  const database = userDbName(sub)
  await withConnection(target, (connection: Connection) => connection.ask(requestOf(target, 'PUT', database)))
  if (target.tokenSecret === undefined) return { target, database }
  const token = mintToken({ sub, secret: target.tokenSecret, ...CLAIMS })
  return { target: { ...target, authorization: `Bearer ${token}` }, database }
}

/** What the server asks for if nobody sets anything else. */
const CLAIMS = { issuer: 'phoenix-portal', audience: 'phoenix-portal-users', expiresInSeconds: 24 * 3600 }
