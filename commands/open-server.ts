import { randomBytes } from 'node:crypto'
import { hashPassword } from '../server/auth/password.ts'
import { type Server, startServer } from '../server/server.ts'
import type { DataFolder } from './data-folder.ts'
import { localUrl } from './local-url.ts'
import { keepAdminPasswordHash, readOrMakeSecrets, type Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import { storeFailure } from './store-failure.ts'

/** A name and password that a server accepts from its admin. */
export type Credentials = { readonly name: string; readonly password: string }

/** A running server and what only this start knows. */
export type OpenServer = {
  readonly server: Server
  /** Where this machine reaches it, also when it listens on every address. */
  readonly localUrl: string
  readonly secrets: Secrets
  /** The admin's password, if it was made now: the one time it can be shown. */
  readonly newAdminPassword: string | undefined
  /** To be called when it was shown: only then it is the password of later starts too. */
  newAdminPasswordShown(): void
}

/** Starts the server of this data folder, and makes its secrets at the first start. */
export async function openServer(
  settings: Settings,
  folder: DataFolder,
  furtherAdmins: readonly Credentials[] = [],
): Promise<OpenServer> {
  const secrets = readOrMakeSecrets(folder)
  const newAdminPassword = needsAdminPassword(settings, secrets) ? randomSecret() : undefined
  const adminHash = await adminPasswordHash(settings, secrets, newAdminPassword)
  const further = furtherAdmins.map(async ({ name, password }) => ({
    name,
    passwordHash: await hashPassword(password),
  }))
  const server = await startServer({
    ...serverOptions(settings, folder, secrets),
    admins: [{ name: settings.adminUser, passwordHash: adminHash }, ...(await Promise.all(further))],
  }).catch(error => {
    throw storeFailure(error, folder)
  })
  const newAdminPasswordShown = () => {
    if (newAdminPassword !== undefined) keepAdminPasswordHash(folder, secrets, adminHash)
  }
  return { server, localUrl: localUrl(server.url), secrets, newAdminPassword, newAdminPasswordShown }
}

/** Credentials that nobody knows but the parts of this start. */
export function internalCredentials(): Credentials {
  return { name: `divan-bridge-${randomBytes(4).toString('hex')}`, password: randomSecret() }
}

function randomSecret(): string {
  return randomBytes(18).toString('base64url')
}

function needsAdminPassword(settings: Settings, secrets: Secrets): boolean {
  return settings.adminPassword === undefined && secrets.adminPasswordHash === undefined
}

async function adminPasswordHash(
  settings: Settings,
  secrets: Secrets,
  newPassword: string | undefined,
): Promise<string> {
  const password = settings.adminPassword ?? newPassword
  return password === undefined ? (secrets.adminPasswordHash ?? '') : await hashPassword(password)
}

function serverOptions(settings: Settings, folder: DataFolder, secrets: Secrets) {
  return {
    host: settings.host,
    port: settings.port,
    dataFolder: folder.store,
    shards: settings.shards,
    jwt: {
      secret: settings.jwtSecret ?? secrets.jwtSecret,
      algorithm: 'HS256' as const,
      issuer: settings.jwtIssuer,
      audience: settings.jwtAudience,
    },
    corsOrigins: settings.corsOrigins,
    maxDocumentBytes: settings.maxDocumentBytes,
    maxAttachmentBytes: settings.maxAttachmentBytes,
    requirePremium: settings.requirePremium,
    trustProxy: settings.trustProxy,
    gzip: settings.gzip,
    feedsPerToken: settings.feedsPerToken,
    logLevel: settings.logLevel,
  }
}
