import { resolve } from 'node:path'
import t from 'tap'
import { watchOptions } from '../../commands/bridge.ts'
import { OperatorError } from '../../commands/operator-error.ts'
import { programHelp } from '../../commands/print-help.ts'
import { type Environment, readSettings, type Setting, settingTable } from '../../commands/settings.ts'

function mistakesIn(environment: Environment): readonly string[] {
  try {
    readSettings(environment)
    return []
  } catch (error) {
    if (error instanceof OperatorError) return error.lines
    throw error
  }
}

t.test('an empty environment gives the documented defaults', async t => {
  t.strictSame(readSettings({}), {
    settings: {
      host: '127.0.0.1',
      port: 5984,
      bridgeHost: '127.0.0.1',
      dataFolder: resolve('data'),
      shards: 1,
      jwtIssuer: 'phoenix-portal',
      jwtAudience: 'phoenix-portal-users',
      adminUser: 'admin',
      corsOrigins: ['*'],
      maxDocumentBytes: 8 * 1024 * 1024,
      maxAttachmentBytes: 64 * 1024 * 1024,
      requirePremium: false,
      trustProxy: false,
      gzip: false,
      feedsPerToken: 4,
      logLevel: 'info',
    },
    warnings: [],
  })
})

const good: readonly (readonly [variable: string, text: string, name: string, value: unknown])[] = [
  ['DIVAN_HOST', '::1', 'host', '::1'],
  ['DIVAN_PORT', '0', 'port', 0],
  ['DIVAN_PORT', ' 65535 ', 'port', 65535],
  ['DIVAN_BRIDGE_HOST', '0.0.0.0', 'bridgeHost', '0.0.0.0'],
  ['DIVAN_BRIDGE_PORT', '9100', 'bridgePort', 9100],
  ['DIVAN_BRIDGE_PORT', '', 'bridgePort', 'off'],
  ['DIVAN_DATA', '/srv/divan', 'dataFolder', '/srv/divan'],
  ['DIVAN_SHARDS', '16', 'shards', 16],
  ['JWT_SECRET', ' kept as it is ', 'jwtSecret', ' kept as it is '],
  ['JWT_ISSUER', '', 'jwtIssuer', undefined],
  ['JWT_AUDIENCE', 'others', 'jwtAudience', 'others'],
  ['DIVAN_ADMIN_PASSWORD', 'pass word', 'adminPassword', 'pass word'],
  ['DATABASE_URL', 'postgresql://u:p@h/d', 'databaseUrl', 'postgresql://u:p@h/d'],
  ['DATABASE_URL', '', 'databaseUrl', undefined],
  ['DIVAN_SERVER_URL', 'https://a:b@c', 'serverUrl', 'https://a:b@c'],
  [
    'DIVAN_CORS_ORIGINS',
    'https://a.example, http://localhost:3000',
    'corsOrigins',
    ['https://a.example', 'http://localhost:3000'],
  ],
  ['DIVAN_CORS_ORIGINS', 'none', 'corsOrigins', []],
  ['DIVAN_MAX_DOCUMENT_BYTES', '1000', 'maxDocumentBytes', 1000],
  ['DIVAN_MAX_ATTACHMENT_BYTES', '2 GiB', 'maxAttachmentBytes', 2 ** 31],
  ['DIVAN_TRUST_PROXY', 'TRUE', 'trustProxy', true],
  ['DIVAN_FEEDS_PER_TOKEN', '12', 'feedsPerToken', 12],
  ['DIVAN_GZIP', 'true', 'gzip', true],
  ['DIVAN_REQUIRE_PREMIUM', '1', 'requirePremium', true],
  ['DIVAN_LOG_LEVEL', 'Debug', 'logLevel', 'debug'],
]

for (const [variable, text, name, value] of good) {
  t.test(`${variable}=${JSON.stringify(text)} is understood`, async t => {
    t.strictSame(new Map(Object.entries(readSettings({ [variable]: text }).settings)).get(name), value)
  })
}

const bad: Environment = {
  DIVAN_HOST: 'http://here',
  DIVAN_PORT: '65536',
  DIVAN_SHARDS: '33',
  DIVAN_BRIDGE_HOST: 'here/there',
  DIVAN_BRIDGE_PORT: 'none',
  DIVAN_ADMIN_USER: 'a:b',
  DATABASE_URL: 'mysql://root:secret@h/d',
  DIVAN_SERVER_URL: 'here:5984',
  DIVAN_CORS_ORIGINS: 'https://a.example/path',
  DIVAN_MAX_DOCUMENT_BYTES: '8 MB',
  DIVAN_MAX_ATTACHMENT_BYTES: '0',
  DIVAN_REQUIRE_PREMIUM: 'maybe',
  DIVAN_TRUST_PROXY: '2',
  DIVAN_FEEDS_PER_TOKEN: '0',
  DIVAN_LOG_LEVEL: 'loud',
}

t.test('every mistake is reported, all at once, by the name of its variable', async t => {
  const mistakes = mistakesIn(bad)
  t.strictSame(mistakes.map(line => line.split(' ')[0]).sort(), Object.keys(bad).sort())
})

t.test('a mistake says what was given and what is allowed', async t => {
  t.strictSame(mistakesIn({ DIVAN_PORT: 'abc' }), [
    'DIVAN_PORT is "abc", but must be a port from 1 to 65535, or 0 for any free one',
  ])
})

t.test('what may hold a secret is never repeated', async t => {
  t.notMatch(mistakesIn(bad).join('\n'), 'secret')
})

t.test(
  'a URL whose password ends too early is refused: its rest would be taken for a path, and shown',
  async t => {
    const databases = ['1/2@h/d', '1?2@h/d', '1#2@h/d', '1/2?3@h/d', '/@h/d'].map(
      rest => `postgres://u:${rest}`,
    )
    for (const url of databases)
      t.match(mistakesIn({ DATABASE_URL: url }), [/^DATABASE_URL must be .*%2F/], url)
    for (const rest of ['1/2@h:5984', '1?2@h', '1#2@h'])
      t.match(mistakesIn({ DIVAN_SERVER_URL: `http://u:${rest}` }), [/^DIVAN_SERVER_URL must be .*%2F/])
    for (const url of [
      'postgres://u:1%2F2%40@h/d',
      'postgres://u:1@2@h/d',
      'postgres:///d?host=/run',
      'postgres://%2Frun/d',
    ])
      t.strictSame(mistakesIn({ DATABASE_URL: url }), [], url)
  },
)

t.test('a server that all may reach does not open the bridge to them', async t => {
  const watch = (environment: Environment) => watchOptions(readSettings(environment).settings, '/')
  t.match(watch({ DIVAN_HOST: '0.0.0.0' }), { host: '127.0.0.1', port: 5985, orAnother: true })
  t.match(watch({ DIVAN_BRIDGE_HOST: '0.0.0.0' }), { host: '0.0.0.0' })
  t.equal(watch({ DIVAN_BRIDGE_PORT: '' }), undefined)
})

t.test('an unknown variable is told, with the one that was meant', async t => {
  const { warnings } = readSettings({ DIVAN_PROT: '1', DIVAN_MAX_DOC_BYTES: '1', DIVANO: '1' })
  t.strictSame(warnings, [
    'DIVAN_PROT is no setting and has no effect; did you mean DIVAN_PORT?',
    'DIVAN_MAX_DOC_BYTES is no setting and has no effect; did you mean DIVAN_MAX_DOCUMENT_BYTES?',
  ])
})

t.test('every default is allowed by its own kind', async t => {
  for (const setting of Object.values<Setting>(settingTable))
    if (setting.default !== undefined) t.ok(setting.kind.parse(setting.default), setting.variable)
})

t.test('the help shows every setting with what stands for it when it is unset', async t => {
  const help = programHelp().join('\n')
  for (const { variable, default: otherwise, unset } of Object.values<Setting>(settingTable))
    t.match(help, new RegExp(`^  ${variable} .*${(otherwise ?? unset ?? '').replace(/[*.]/g, '\\$&')}`, 'm'))
})

t.test('the help fits a screen of 100 columns', async t => {
  t.strictSame(
    programHelp().filter(line => line.length > 100),
    [],
  )
})
