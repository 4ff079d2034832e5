import { isUuid } from '../design-docs/uuid.ts'
import { mintToken } from '../server/auth/token.ts'
import type { RunCommand } from './command.ts'
import { dataFolderAt } from './data-folder.ts'
import { parseDuration } from './duration.ts'
import { OperatorError } from './operator-error.ts'
import { readSecrets } from './secrets.ts'
import { readSettings, type Settings } from './settings.ts'

/** How long a token is valid unless someone says otherwise: as long as those of a log-in. */
export const TOKEN_EXPIRES = '7d'

/** `divan token`: prints a token and nothing else, so that a script can take it. */
export const token: RunCommand = async ({ options }, { environment, print }) => {
  const { settings } = readSettings(environment)
  const { user, expires = TOKEN_EXPIRES } = options
  const seconds = parseDuration(String(expires))
  const mistakes: string[] = []
  if (typeof user !== 'string') mistakes.push('token needs --user <uuid>: whose token it is')
  else if (!isUuid(user)) mistakes.push(`--user is ${JSON.stringify(user)}, but must be a UUID`)
  if (seconds === undefined)
    mistakes.push(`--expires is ${JSON.stringify(expires)}, but must be a time such as 7d, 12h, 30m or 90s`)
  if (typeof user !== 'string' || seconds === undefined || mistakes.length > 0)
    throw new OperatorError(mistakes)
  print(
    tokenFor(user.toLowerCase(), settings, { secret: signingSecret(settings), expiresInSeconds: seconds }),
  )
  return 0
}

/** A token that a server with these settings accepts. */
export function tokenFor(
  sub: string,
  settings: Settings,
  { secret, expiresInSeconds }: { readonly secret: string; readonly expiresInSeconds: number },
): string {
  return mintToken({
    sub,
    secret,
    issuer: settings.jwtIssuer,
    audience: settings.jwtAudience,
    expiresInSeconds,
  })
}

/** JWT_SECRET, else the secret that the first start put into the data folder. */
export function signingSecret(settings: Settings): string {
  const secret = settings.jwtSecret ?? readSecrets(dataFolderAt(settings.dataFolder))?.jwtSecret
  if (secret !== undefined) return secret
  throw new OperatorError(
    `there is no secret to sign with: nothing was started on ${settings.dataFolder} yet, and JWT_SECRET is not set`,
  )
}
