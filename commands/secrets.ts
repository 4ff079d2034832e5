import { randomBytes, randomUUID } from 'node:crypto'
import { type DataFolder, unusable } from './data-folder.ts'
import { makeJsonFile, readJsonFile, writeJsonFile } from './json-file.ts'

/** What a data folder keeps between starts. */
export type Secrets = {
  readonly jwtSecret: string
  /** Absent as long as every start was given DIVAN_ADMIN_PASSWORD. The password itself is kept nowhere. */
  readonly adminPasswordHash?: string | undefined
  /** The user `divan demo` acts for. */
  readonly demoUser: string
}

/** The secrets of this data folder; undefined where nothing was ever started. */
export function readSecrets(folder: DataFolder): Secrets | undefined {
  try {
    const content = readJsonFile(folder.secrets)
    return content === undefined ? undefined : checkedSecrets(content)
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

function checkedSecrets({
  jwtSecret,
  adminPasswordHash,
  demoUser,
}: Readonly<Record<string, unknown>>): Secrets {
  if (typeof jwtSecret !== 'string' || typeof demoUser !== 'string')
    throw new Error('secrets.json is damaged: jwtSecret or demoUser is missing')
  if (adminPasswordHash !== undefined && typeof adminPasswordHash !== 'string')
    throw new Error('secrets.json is damaged: adminPasswordHash is no text')
  return { jwtSecret, adminPasswordHash, demoUser }
}

/** The secrets of this data folder, made where nothing was ever started. */
export function readOrMakeSecrets(folder: DataFolder): Secrets {
  const kept = readSecrets(folder)
  if (kept !== undefined) return kept
  const made = { jwtSecret: randomBytes(32).toString('base64url'), demoUser: randomUUID() }
  try {
    if (makeJsonFile(folder.secrets, made)) return made
  } catch (cause) {
    throw unusable(folder, cause)
  }
  return readOrMakeSecrets(folder)
}

/** Keeps the hash of the admin's password. Only for whoever runs the server of this data folder. */
export function keepAdminPasswordHash(folder: DataFolder, secrets: Secrets, passwordHash: string): void {
  try {
    writeJsonFile(folder.secrets, { ...secrets, adminPasswordHash: passwordHash })
  } catch (cause) {
    throw unusable(folder, cause)
  }
}
