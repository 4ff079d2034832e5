import t from 'tap'
import { ownPath } from '../../../server/couch/own-path.ts'

t.test('paths of this server', async t => {
  t.equal(ownPath(undefined), undefined)
  const paths = [
    ['/', '/'],
    ['/_utils/#/_all_dbs', '/_utils/#/_all_dbs'],
    ['/a?next=//b', '/a?next=//b'],
    ['/a//b', '/a//b'],
    ['/ä b', '/%C3%A4%20b'],
    ['/a/../b', '/b'],
    ['/%2F/evil.example', '/%2F/evil.example'],
    ['/@evil.example', '/@evil.example'],
    ['/a:80', '/a:80'],
  ] as const
  for (const [next, path] of paths) t.equal(ownPath(next), path, next)
})

t.test('everything that a browser would take for another place', async t => {
  const elsewhere = [
    '',
    'a',
    'evil.example',
    'https://evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/a\\b',
    '/\t/evil.example',
    '/\n/evil.example',
    '\t//evil.example',
    ' //evil.example',
    '/\u0000/evil.example',
    '/a\r\nSet-Cookie: AuthSession=x',
    '/\u0085/evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
    '?next=/',
    '#/',
  ]
  for (const next of elsewhere) {
    t.throws(
      () => ownPath(next),
      { name: 'CouchError', status: 400, message: /"next"/ },
      JSON.stringify(next),
    )
  }
})
