import type { Paint } from './command.ts'
import { parseDuration } from './duration.ts'
import type { OpenPostgres } from './open-postgres.ts'
import type { OpenServer } from './open-server.ts'
import type { Settings } from './settings.ts'
import { TOKEN_EXPIRES, tokenFor } from './token.ts'

/** What the first lines of `divan start` tell. */
export type Started = {
  readonly open: OpenServer
  readonly postgres: OpenPostgres
  readonly settings: Settings
  readonly version: string
  readonly bridgeIsReady: boolean
  /** Where it answers `/health` and `/metrics`, if it does. */
  readonly bridgeUrl: string | undefined
  readonly paint: Paint
}

/** The lines that `divan start` prints once everything runs. */
export function startLines(started: Started): readonly string[] {
  const { open, postgres, settings, version, bridgeIsReady, bridgeUrl, paint } = started
  return [
    '',
    `${paint('bold', `Divan ${version} is running.`)} Ctrl-C stops it.`,
    '',
    row('Server', open.localUrl),
    row('Postgres', postgres.isEmbedded ? postgres.url() : withoutPassword(postgres.url())),
    row('Data', settings.dataFolder),
    ...(bridgeIsReady ? [] : [row('Bridge', 'not ready yet: it goes on trying, and says what is wrong')]),
    ...(bridgeUrl === undefined
      ? []
      : [row('Watch', `${bridgeUrl}/metrics   the bridge; npx divan status shows it all`)]),
    '',
    ...adminLines(open, settings),
    ...demoUserLines(open, settings),
    '',
    `Next: ${paint('bold', 'npx divan demo')}   in another terminal`,
    '',
  ]
}

/** The lines that `divan server` prints. */
export function serverLines(open: OpenServer, settings: Settings): readonly string[] {
  return [
    row('Server', open.localUrl),
    row('Data', settings.dataFolder),
    ...adminLines(open, settings),
    ...demoUserLines(open, settings),
  ]
}

function adminLines(
  { newAdminPassword }: OpenServer,
  { adminUser, adminPassword }: Settings,
): readonly string[] {
  if (newAdminPassword !== undefined)
    return [
      row('Admin', adminUser),
      row('Password', `${newAdminPassword}   shown this once: only its hash is kept`),
    ]
  const from =
    adminPassword === undefined ? 'the password of the first start' : 'the password of DIVAN_ADMIN_PASSWORD'
  return [row('Admin', `${adminUser}, with ${from}`)]
}

function demoUserLines({ secrets, localUrl }: OpenServer, settings: Settings): readonly string[] {
  const secret = settings.jwtSecret ?? secrets.jwtSecret
  const token = tokenFor(secrets.demoUser, settings, {
    secret,
    expiresInSeconds: parseDuration(TOKEN_EXPIRES) ?? 0,
  })
  return [
    row('Demo user', secrets.demoUser),
    row('Database', `${localUrl}/me`),
    row('Token', `${token}   valid for ${TOKEN_EXPIRES}`),
  ]
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(12)}${value}`
}

/** For a screen that others may see. */
function withoutPassword(url: string): string {
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  if (shown.searchParams.has('password')) shown.searchParams.set('password', '***')
  return shown.href
}
