import { createHmac } from 'node:crypto'
import t from 'tap'
import { createSessionCookies, endCookie, SESSION_SECONDS } from '../../../server/auth/session-cookie.ts'

const ADMINS = [
  { name: 'anna', passwordHash: 'hash of anna' },
  { name: 'bert ä', passwordHash: 'hash of bert' },
]
const SECRET = 'a secret'
const START = Date.UTC(2026, 0, 1)
const at = (seconds: number) => () => START + seconds * 1000

const made = createSessionCookies(SECRET, ADMINS, at(0))
const pairOf = (setCookie: string) => setCookie.split(';', 1).join('')
const anna = pairOf(made.issue('anna', false))

t.test('a cookie says who it is for, for ten minutes, to this server alone', async t => {
  const value = /^AuthSession=[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}/.source
  t.match(made.issue('anna', false), new RegExp(`${value}; Path=/; Max-Age=600; HttpOnly; SameSite=Strict$`))
  t.match(made.issue('anna', true), new RegExp(`${value}.*; HttpOnly; SameSite=Strict; Secure$`))
  t.match(made.read({ cookie: anna }), { name: 'anna' })
  t.match(made.read({ cookie: pairOf(made.issue('bert ä', false)) }), { name: 'bert ä' })
  const quoted = anna.replace(/=(.*)/, '="$1"')
  t.match(made.read({ cookie: ` other=1;${quoted} ; more` }), { name: 'anna' })
  t.equal(endCookie(false), 'AuthSession=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict')
  t.equal(made.read({ cookie: pairOf(endCookie(false)) }), undefined)
  t.equal(made.read({}), undefined)
})

t.test('it is to be renewed once a tenth of its life is over, and ends with it', async t => {
  const after = (seconds: number) => createSessionCookies(SECRET, ADMINS, at(seconds)).read({ cookie: anna })
  t.match(after(0), { isToBeRenewed: false })
  t.match(after(60), { isToBeRenewed: false })
  t.match(after(61), { isToBeRenewed: true })
  t.match(after(SESSION_SECONDS - 1), { isToBeRenewed: true })
  t.equal(after(SESSION_SECONDS), undefined)
  t.equal(after(SESSION_SECONDS * 100), undefined)
})

t.test('another password, another secret or a removed admin ends it', async t => {
  const read = (secret: string, admins: typeof ADMINS) =>
    createSessionCookies(secret, admins, at(0)).read({ cookie: anna })
  t.match(read(SECRET, ADMINS), { name: 'anna' })
  t.equal(read(SECRET, [{ name: 'anna', passwordHash: 'hash of another password' }]), undefined)
  t.equal(read('another secret', ADMINS), undefined)
  t.equal(read(SECRET, ADMINS.slice(1)), undefined)
})

t.test('none can be made or changed without the key', async t => {
  const [said = '', mac = ''] = anna.slice('AuthSession='.length).split('.')
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const later = `${Math.floor(START / 1000 + 9e6).toString(16)}:anna`
  const signed = (text: string, key: string) => createHmac('sha256', key).update(text).digest('base64url')
  const macOfBert = pairOf(made.issue('bert ä', false)).split('.')[1]
  const forged = [
    `${encode(later)}.${mac}`,
    `${encode(later)}.${signed(later, SECRET)}`,
    `${encode(later)}.${signed(later, '')}`,
    `${encode(later)}.${signed(later, 'hash of anna')}`,
    `${said}.${macOfBert}`,
    `${said}.`,
    `${said}.${mac.slice(0, -4)}`,
    `${said}.${mac}AAAA`,
    said,
    `.${mac}`,
    `${encode(':anna')}.${mac}`,
    `${encode('ffffffffffffffffffffff:anna')}.${mac}`,
    encode(`anna:ffffffff:${mac}`),
  ]
  for (const value of forged) t.equal(made.read({ cookie: `AuthSession=${value}` }), undefined, value)
  // A cookie made for a name that is no admin's is signed with a key of its own, and holds nowhere.
  t.equal(made.read({ cookie: pairOf(made.issue('carl', false)) }), undefined)
})
