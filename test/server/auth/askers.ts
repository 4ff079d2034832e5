import { createHmac } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import { hashPassword } from '../../../server/auth/password.ts'
import { createSessionCookies } from '../../../server/auth/session-cookie.ts'
import { ADMIN, JWT } from '../../fixtures/running-server.ts'
import type { Standing } from './expected-access.ts'

/** A request's credentials, and what they make of whoever sends it. */
export type Asker = {
  readonly name: string
  readonly standing: Standing
  readonly headers: OutgoingHttpHeaders
  /** Added to the path: credentials that count nowhere. */
  readonly query?: string
  /** The reason he is told where his credentials count and do not hold. */
  readonly reason?: string
}

/** A name of which another user's may differ by case, or by how Unicode writes it. */
export const OWNER = 'Zo\u00eb'
export const STRANGER = 'bert'

const passwordHash = await hashPassword(ADMIN.password, { log2Rounds: 4, blockSize: 8, parallel: 1 })
export const ADMINS = [{ name: ADMIN.name, passwordHash }]

const seconds = () => Math.floor(Date.now() / 1000)
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token of any shape, with an HMAC-SHA256 whatever its header says. No library: they refuse to sign what must be refused. */
function jws(payload: unknown, header: object = {}, secret: string = JWT.secret): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(payload)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

const CLAIMS = { sub: OWNER, iss: JWT.issuer, aud: JWT.audience, exp: seconds() + 3600 }
const bearer = (payload: unknown, header: object = {}, secret: string = JWT.secret) => ({
  authorization: `Bearer ${jws(payload, header, secret)}`,
})
/** The header of a user's valid token. */
export const bearerOf = (sub: unknown) => bearer({ ...CLAIMS, sub })
const basic = (credentials: string) => ({
  authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
})
const own = jws(CLAIMS)

/** The cookie an admin got so many seconds ago. */
function session(secret: string = JWT.secret, age = 0): { cookie: string } {
  const cookies = createSessionCookies(secret, ADMINS, () => Date.now() - age * 1000)
  return { cookie: cookies.issue(ADMIN.name, false).split(';', 1).join('') }
}

const noJwt = 'Token is no JWT.'
const unsigned = 'Token has no signature.'
const otherAlgorithm = 'Token is not signed with HS256.'
const otherSecret = 'The signature of the token does not fit this server’s JWT_SECRET.'
const notYet = 'Token is not valid yet (nbf): compare the clocks of its issuer and of this server.'
const otherIssuer = 'Token is of another issuer (iss), or of none.'
const otherAudience = 'Token is for another audience (aud), or for none.'
const extension = 'Token needs an extension (crit) that is not known here.'
const noUser = 'Token names no user (sub).'
const noScheme = 'Send a bearer token, or an admin’s name and password.'
const withoutExp = { sub: OWNER, iss: JWT.issuer, aud: JWT.audience }

type Rows = Readonly<
  Record<string, readonly [headers: OutgoingHttpHeaders, reason?: string | undefined, query?: string]>
>

const ROWS: Readonly<Record<Standing, Rows>> = {
  nobody: {
    'no token': [{}],
    'own token in the query': [{}, undefined, `access_token=${own}&jwt=${own}&authorization=Bearer%20${own}`],
    'own token in a cookie': [{ cookie: `AuthSession=${own}; Authorization=Bearer ${own}` }],
    'own token for a proxy': [{ 'proxy-authorization': `Bearer ${own}`, 'x-auth-token': own }],
    'headers of a proxy that signs users in': [
      {
        'x-auth-couchdb-username': ADMIN.name,
        'x-auth-couchdb-roles': '_admin',
        'x-auth-couchdb-token': 'x',
      },
    ],
    'session that ran out': [session(JWT.secret, 601)],
    'forged session': [session('a guess')],
    'session, another origin': [{ ...session(), origin: 'https://evil.example' }],
  },
  owner: {
    'own token': [{ authorization: `Bearer ${own}` }],
    'own token, after `bearer`': [{ authorization: `bearer   ${own}` }],
    'own token that says he is an admin': [
      bearer({ ...CLAIMS, roles: ['_admin'], '_couchdb.roles': ['_admin'], role: 'admin', isAdmin: true }),
    ],
    'own token with a key id that looks like a path': [bearer(CLAIMS, { kid: '../../../../dev/null' })],
    'own token, then another user’s': [
      { authorization: [`Bearer ${own}`, bearerOf(STRANGER).authorization] as unknown as string },
    ],
    'own token and an admin’s session': [{ authorization: `Bearer ${own}`, ...session() }],
  },
  stranger: {
    'another user': [bearerOf(STRANGER)],
    'another user, then own token': [
      { authorization: [bearerOf(STRANGER).authorization, `Bearer ${own}`] as unknown as string },
    ],
    'the owner’s name in lower case': [bearerOf(OWNER.toLowerCase())],
    'the owner’s name, written with a combining mark': [bearerOf(OWNER.normalize('NFD'))],
    'the owner’s name and a space': [bearerOf(`${OWNER} `)],
    'the owner’s name and a NUL': [bearerOf(`${OWNER}\0`)],
    'a name that looks like a path': [bearerOf(`${STRANGER}/../${OWNER}`)],
    'a user named like the admin': [bearerOf(ADMIN.name)],
    'a user named _admin': [bearerOf('_admin')],
    'another user who says he is an admin': [
      bearer({ ...CLAIMS, sub: STRANGER, roles: ['_admin'], '_couchdb.roles': ['_admin'] }),
    ],
    'another user with several audiences': [bearer({ ...CLAIMS, sub: STRANGER, aud: ['x', JWT.audience] })],
  },
  'bad token': {
    expired: [bearer({ ...CLAIMS, exp: seconds() - 10 }), 'Token has expired.'],
    'not yet valid': [bearer({ ...CLAIMS, nbf: seconds() + 60 }), notYet],
    'without an end': [bearer(withoutExp), 'Token has no expiry (exp).'],
    'an end that is text': [bearer({ ...CLAIMS, exp: '9999999999' }), 'The exp of the token is no number.'],
    ...Object.fromEntries(
      ['none', 'NONE', 'HS512', 'HS384', 'RS256', 'ES256', 'PS256', 'EdDSA', 'hs256', ''].map(alg => [
        `alg ${alg}`,
        [bearer(CLAIMS, { alg }), otherAlgorithm] as const,
      ]),
    ),
    'none, unsigned': [{ authorization: `Bearer ${encode({ alg: 'none' })}.${encode(CLAIMS)}.` }, unsigned],
    'an extension we do not know': [bearer(CLAIMS, { crit: ['x'], x: 1 }), extension],
    'a payload that is not encoded': [bearer(CLAIMS, { crit: ['b64'], b64: false }), extension],
    'wrong secret': [bearer(CLAIMS, {}, 'a guess'), otherSecret],
    'wrong secret, and wrong in all else': [
      bearer({ sub: '', iss: 'x', aud: 'x', exp: 1, nbf: seconds() + 60 }, { crit: ['x'] }, 'a guess'),
      otherSecret,
    ],
    'its own key in its header': [
      bearer(CLAIMS, { jwk: { kty: 'oct', k: Buffer.from('a guess').toString('base64url') } }, 'a guess'),
      otherSecret,
    ],
    'wrong issuer': [bearer({ ...CLAIMS, iss: 'somebody' }), otherIssuer],
    'wrong audience': [bearer({ ...CLAIMS, aud: 'somebody' }), otherAudience],
    'no issuer': [bearer({ ...CLAIMS, iss: undefined }), otherIssuer],
    'no audience': [bearer({ ...CLAIMS, aud: undefined }), otherAudience],
    'no sub': [bearer({ ...CLAIMS, sub: undefined }), noUser],
    'an empty sub': [bearerOf(''), noUser],
    'a sub of 10 kB': [bearerOf('x'.repeat(10_000)), noUser],
    'half a character as sub': [bearerOf('Zo\ud800'), noUser],
    'a sub that is no text': [bearerOf([OWNER]), noUser],
    'claims that are text': [bearer(OWNER), otherAudience],
    'expired, then own token': [
      {
        authorization: [
          bearer({ ...CLAIMS, exp: seconds() - 10 }).authorization,
          `Bearer ${own}`,
        ] as unknown as string,
      },
      'Token has expired.',
    ],
    'expired, and an admin’s session': [
      { ...bearer({ ...CLAIMS, exp: seconds() - 10 }), ...session() },
      'Token has expired.',
    ],
    'own token twice in one header': [{ authorization: `Bearer ${own}, Bearer ${own}` }, noJwt],
    'no token after its scheme': [{ authorization: 'Bearer' }, noJwt],
    'a variable that is not set': [{ authorization: 'Bearer undefined' }, noJwt],
    'an empty header': [{ authorization: '' }, noScheme],
    'own token without a scheme': [{ authorization: own }, noScheme],
    'own token by another scheme': [{ authorization: `Token ${own}` }, noScheme],
  },
  'bad password': {
    'admin, wrong password': [basic(`${ADMIN.name}:guess`), 'Name or password is incorrect.'],
    'nobody’s name, the admin’s password': [basic(`x:${ADMIN.password}`), 'Name or password is incorrect.'],
    'the owner’s name, his token as password': [basic(`${OWNER}:${own}`), 'Name or password is incorrect.'],
    'name and password without a colon': [basic('x'), 'Basic credentials are base64 of name:password.'],
  },
  admin: {
    admin: [basic(`${ADMIN.name}:${ADMIN.password}`)],
    session: [session()],
  },
}

/** Every kind of credentials. */
export const ASKERS: readonly Asker[] = Object.entries(ROWS).flatMap(([standing, rows]) =>
  Object.entries(rows).map(([name, [headers, reason, query]]) => ({
    name,
    standing: standing as Standing,
    headers,
    ...(reason === undefined ? {} : { reason }),
    ...(query === undefined ? {} : { query }),
  })),
)

/** Those that meet every route in each run; the others take turns, and meet every one in the long form. */
export const EVERYWHERE: ReadonlySet<string> = new Set([
  'no token',
  'session that ran out',
  'forged session',
  'session, another origin',
  'own token',
  'another user',
  'the owner’s name in lower case',
  'expired',
  'alg none',
  'alg HS512',
  'wrong secret',
  'wrong issuer',
  'wrong audience',
  'no sub',
  'admin, wrong password',
  'admin',
  'session',
])

/** The asker of this name. */
export function askerNamed(name: string): Asker {
  const asker = ASKERS.find(asker => asker.name === name)
  if (asker === undefined) throw new Error(`nobody is ${name}`)
  return asker
}
