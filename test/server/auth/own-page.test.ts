import t from 'tap'
import { isFromOwnPage } from '../../../server/auth/own-page.ts'

type Case = {
  readonly who: string
  readonly isOwn: boolean
  readonly method?: string
  readonly headers: Readonly<Record<string, string>>
}

const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

const cases: readonly Case[] = [
  { who: 'a program that is no browser', isOwn: true, headers: {} },
  { who: 'a page of this server', isOwn: true, headers: { 'sec-fetch-site': 'same-origin' } },
  { who: 'somebody who typed the address', isOwn: true, headers: { 'sec-fetch-site': 'none' } },
  { who: 'a page of this server, by http', isOwn: true, headers: { origin: 'http://db.example:5984' } },
  {
    who: 'the same behind TLS we know nothing of',
    isOwn: true,
    headers: { origin: 'https://db.example:5984' },
  },
  { who: 'another site', isOwn: false, headers: { 'sec-fetch-site': 'cross-site' } },
  { who: 'another host of this domain', isOwn: false, headers: { 'sec-fetch-site': 'same-site' } },
  { who: 'something unheard of', isOwn: false, headers: { 'sec-fetch-site': 'x' } },
  {
    who: 'another site that names us as its origin',
    isOwn: false,
    headers: { 'sec-fetch-site': 'cross-site', origin: 'http://db.example:5984' },
  },
  { who: 'another port, by http', isOwn: false, headers: { origin: 'http://db.example:3000' } },
  { who: 'another host, by http', isOwn: false, headers: { origin: 'http://evil.example:5984' } },
  { who: 'a host that begins like ours', isOwn: false, headers: { origin: 'http://db.example:5984.evil' } },
  { who: 'a sandboxed page', isOwn: false, headers: { origin: 'null' } },
  { who: 'an empty origin', isOwn: false, headers: { origin: '' } },
  {
    who: 'somebody who follows a link from another site',
    isOwn: true,
    headers: { 'sec-fetch-site': 'cross-site', ...navigation },
  },
  {
    who: 'a frame in another site',
    isOwn: false,
    headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
  },
  {
    who: 'a form of another site',
    isOwn: false,
    method: 'POST',
    headers: { 'sec-fetch-site': 'cross-site', ...navigation },
  },
]

t.test('which requests a cookie counts for', async t => {
  for (const { who, isOwn, method = 'GET', headers } of cases) {
    const asker = { method, headers, origin: 'http://db.example:5984', address: '' }
    t.equal(isFromOwnPage(asker), isOwn, who)
  }
})

t.test('a host that cannot be read is nobody’s own', async t => {
  const headers = { origin: 'http://x y' }
  t.equal(
    isFromOwnPage({ method: 'GET', headers, origin: 'http://x y', address: '' }),
    true,
    'the very same text',
  )
  t.equal(isFromOwnPage({ method: 'GET', headers, origin: 'http://', address: '' }), false)
})

t.test('a port that the scheme implies makes no difference', async t => {
  const headers = { origin: 'https://db.example' }
  t.equal(isFromOwnPage({ method: 'PUT', headers, origin: 'https://db.example:443', address: '' }), true)
})
