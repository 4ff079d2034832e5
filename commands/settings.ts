import { resolve } from 'node:path'
import { nearestWord } from './nearest-word.ts'
import { OperatorError } from './operator-error.ts'
import {
  bytes,
  count,
  oneOf,
  origins,
  port,
  portOrOff,
  type SettingKind,
  textLike,
  textOrOff,
  urlOf,
  wholeNumber,
  yesOrNo,
} from './setting-kind.ts'

/** The variables a process was given. */
export type Environment = Readonly<Record<string, string | undefined>>

/** One setting: the variable that holds it, what it may be, and what it is for. */
export type Setting = {
  readonly variable: string
  readonly kind: SettingKind<unknown>
  /** As one would write it. Undefined: the setting may be missing, and `unset` says what happens then. */
  readonly default: string | undefined
  readonly unset?: string | undefined
  readonly text: string
  /** Its value is never printed. */
  readonly secret?: true | undefined
}

/** The folder is found from where the program was started. */
const folder: SettingKind<string> = { allowed: 'a folder', parse: text => ({ value: resolve(text) }) }

/** Where a bridge is watched whose operator says nothing. */
export const BRIDGE_PORT = 5985

/** Every setting, described once: `--help` prints this table, and `readSettings` follows it. */
export const settingTable = {
  host: {
    variable: 'DIVAN_HOST',
    kind: textLike(/^[A-Za-z0-9.:_%-]+$/, 'a host name or an address, without protocol and port'),
    default: '127.0.0.1',
    text: 'the address to listen on; 0.0.0.0 is every one',
  },
  port: {
    variable: 'DIVAN_PORT',
    kind: port,
    default: '5984',
    text: 'the port to listen on; 0 takes a free one',
  },
  bridgeHost: {
    variable: 'DIVAN_BRIDGE_HOST',
    kind: textLike(/^[A-Za-z0-9.:_%-]+$/, 'a host name or an address, without protocol and port'),
    default: '127.0.0.1',
    text: "the bridge's own: it knows no passwords, and names databases in trouble to whoever asks",
  },
  bridgePort: {
    variable: 'DIVAN_BRIDGE_PORT',
    kind: portOrOff,
    default: undefined,
    unset: `${BRIDGE_PORT}, or a free one if that is taken`,
    text: 'where the bridge answers /health and /metrics; empty: nowhere',
  },
  dataFolder: {
    variable: 'DIVAN_DATA',
    kind: folder,
    default: './data',
    text: 'the folder of the store, the secrets and the embedded Postgres',
  },
  shards: {
    variable: 'DIVAN_SHARDS',
    kind: wholeNumber(1, 32),
    default: '1',
    text: 'store files that users are divided over, each with a writer; to change it: divan reshard',
  },
  jwtSecret: {
    variable: 'JWT_SECRET',
    kind: textLike(/./, 'text'),
    default: undefined,
    unset: 'made at first start',
    text: 'what tokens are signed with (HS256); kept in the data folder if made here',
    secret: true,
  },
  jwtIssuer: {
    variable: 'JWT_ISSUER',
    kind: textOrOff,
    default: 'phoenix-portal',
    text: 'the iss a token must name; empty: not checked',
  },
  jwtAudience: {
    variable: 'JWT_AUDIENCE',
    kind: textOrOff,
    default: 'phoenix-portal-users',
    text: 'the aud a token must name; empty: not checked',
  },
  adminUser: {
    variable: 'DIVAN_ADMIN_USER',
    kind: textLike(/^[^:\s]+$/, 'a name without colon and spaces'),
    default: 'admin',
    text: 'the name of the server admin',
  },
  adminPassword: {
    variable: 'DIVAN_ADMIN_PASSWORD',
    kind: textLike(/./, 'text'),
    default: undefined,
    unset: 'made at first start',
    text: "the server admin's password; made here it is printed once, and only its hash is kept",
    secret: true,
  },
  databaseUrl: {
    variable: 'DATABASE_URL',
    kind: urlOf(['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/name'),
    default: undefined,
    unset: 'embedded Postgres',
    text: 'the Postgres to mirror into',
    secret: true,
  },
  serverUrl: {
    variable: 'DIVAN_SERVER_URL',
    kind: urlOf(['http:', 'https:'], 'http://admin:password@host:5984'),
    default: undefined,
    unset: 'the server of start',
    text: 'what the bridge follows, with credentials: a Divan or a CouchDB',
    secret: true,
  },
  corsOrigins: {
    variable: 'DIVAN_CORS_ORIGINS',
    kind: origins,
    default: '*',
    text: 'web pages that may call the server with a token; never with cookies; or none',
  },
  maxDocumentBytes: {
    variable: 'DIVAN_MAX_DOCUMENT_BYTES',
    kind: bytes,
    default: '8 MiB',
    text: 'the largest document; a batch of documents has no limit',
  },
  maxAttachmentBytes: {
    variable: 'DIVAN_MAX_ATTACHMENT_BYTES',
    kind: bytes,
    default: '64 MiB',
    text: 'the largest attachment',
  },
  requirePremium: {
    variable: 'DIVAN_REQUIRE_PREMIUM',
    kind: yesOrNo,
    default: 'false',
    text: '/api/sync refuses users whose account has no premium, or none at all',
  },
  trustProxy: {
    variable: 'DIVAN_TRUST_PROXY',
    kind: yesOrNo,
    default: 'false',
    text: 'believe X-Forwarded-… headers: only behind a proxy that sets them',
  },
  feedsPerToken: {
    variable: 'DIVAN_FEEDS_PER_TOKEN',
    kind: count,
    default: '4',
    text: 'live feeds of one token; further ones end after 2 s, for browsers have six connections',
  },
  gzip: {
    variable: 'DIVAN_GZIP',
    kind: yesOrNo,
    default: 'false',
    text: 'compress answers, live feeds too; leave it off behind a proxy, which does that itself',
  },
  logLevel: {
    variable: 'DIVAN_LOG_LEVEL',
    kind: oneOf(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']),
    default: 'info',
    text: 'the least important line that is logged',
  },
} as const satisfies Record<string, Setting>

type SettingName = keyof typeof settingTable

type ValueOf<S extends Setting> =
  S['kind'] extends SettingKind<infer T> ? (S['default'] extends string ? T : T | undefined) : never

/** What the environment says, with defaults for what it does not. */
export type Settings = { readonly [N in SettingName]: ValueOf<(typeof settingTable)[N]> }

/** Every setting and what was odd about the environment. Throws an OperatorError that names all mistakes. */
export function readSettings(environment: Environment): {
  readonly settings: Settings
  readonly warnings: readonly string[]
} {
  const mistakes: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries<Setting>(settingTable)) {
    const text = textOf(setting, environment)
    if (text === undefined) continue
    const parsed = setting.kind.parse(text)
    if (parsed === undefined) mistakes.push(mistakeIn(setting, text))
    else values[name] = parsed.value
  }
  const warnings = unknownVariables(environment)
  if (mistakes.length > 0) throw new OperatorError([...mistakes, ...warnings])
  return { settings: values as Settings, warnings }
}

/** The environment's text, else the default's. An empty variable counts as unset where empty says nothing. */
function textOf(setting: Setting, environment: Environment): string | undefined {
  const whole = environment[setting.variable]
  const given = setting.secret ? whole : whole?.trim()
  if (given === undefined || (given === '' && !setting.kind.takesEmpty)) return setting.default
  return given
}

function mistakeIn(setting: Setting, text: string): string {
  const given = setting.secret ? '' : ` is ${JSON.stringify(text)}, but`
  return `${setting.variable}${given} must be ${setting.kind.allowed}`
}

function unknownVariables(environment: Environment): readonly string[] {
  const known = Object.values<Setting>(settingTable).map(setting => setting.variable)
  return Object.keys(environment)
    .filter(variable => variable.startsWith('DIVAN_') && !known.includes(variable))
    .map(
      variable =>
        `${variable} is no setting and has no effect; did you mean ${nearestWord(variable, known)}?`,
    )
}
