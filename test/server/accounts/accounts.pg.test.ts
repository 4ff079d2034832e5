import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { httpClient } from '../../fixtures/http-client.ts'
import { mirror } from '../../fixtures/mirror.ts'

const program = await mirror(t)
await program.bridge()

t.test('a sign-up and a login arrive in `users`, and what an admin changes', async t => {
  const client = httpClient(program.server.url, '')
  const ann = { email: 'Ann@Example.org', password: 'correct horse', displayName: 'Ann' }
  const { id } = (await client.post('/api/auth/signup', ann)).json.user
  const row = (isThere: (row: Record<string, unknown>) => boolean) =>
    eventually(async () => {
      const [row] = await program.sql('select * from users where id = $1', [id])
      return row !== undefined && isThere(row) && row
    }, 'the account is mirrored')
  t.match(await row(() => true), {
    email: 'ann@example.org',
    display_name: 'Ann',
    password_hash: /^\$2b\$/,
    is_premium: false,
    subscription_status: 'free',
    last_login_at: null,
  })
  await client.post('/api/auth/login', ann)
  await row(({ last_login_at }) => last_login_at instanceof Date)

  const path = '_users/org.couchdb.user:ann@example.org'
  const doc = (await program.request('GET', path)) as Record<string, unknown>
  await program.request('PUT', path, { ...doc, isPremium: true, subscriptionStatus: 'active' })
  t.match(await row(({ is_premium }) => is_premium === true), { subscription_status: 'active' })
  const [found] = await program.sql(
    `select 'userdb-' || encode(convert_to(id::text, 'UTF8'), 'hex') as database from users where email = $1`,
    ['ann@example.org'],
  )
  t.equal(found?.database, doc.database, 'and its database is found by the email')
})
