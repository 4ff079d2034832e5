import { dataFolderAt } from '../data-folder.ts'
import { messageOf, OperatorError } from '../operator-error.ts'
import { readRunning } from '../running.ts'
import { readSecrets } from '../secrets.ts'
import type { Settings } from '../settings.ts'
import { signingSecret, tokenFor } from '../token.ts'

/** The server that the demo's phone talks to, and for whom. */
export type DemoTarget = {
  /** Without a slash at its end. */
  readonly url: string
  readonly token: string
  /** The `sub` of the token. */
  readonly user: string
  /** The Postgres to look at; undefined when nobody said which it is. */
  readonly databaseUrl: string | undefined
}

export type DemoTargetOptions = { readonly url: string | undefined; readonly token: string | undefined }

const TOKEN_SECONDS = 3600
const ANSWER_MS = 5000

/** The server that runs on this data folder, or the one that the options name. */
export function demoTarget(settings: Settings, options: DemoTargetOptions): DemoTarget {
  const folder = dataFolderAt(settings.dataFolder)
  const running = readRunning(folder)
  const url = options.url ?? running?.serverUrl ?? `http://${settings.host}:${settings.port}`
  if (!URL.canParse(url)) throw new OperatorError(`--url is ${JSON.stringify(url)}, but must be a URL`)
  const databaseUrl = settings.databaseUrl ?? (options.url === undefined ? running?.databaseUrl : undefined)
  const who = options.token === undefined ? demoUser(settings) : bearer(options.token)
  return { url: url.replace(/\/+$/, ''), databaseUrl, ...who }
}

function demoUser(settings: Settings) {
  const user = readSecrets(dataFolderAt(settings.dataFolder))?.demoUser
  if (user === undefined) throw new OperatorError(notStarted(settings.dataFolder))
  const token = tokenFor(user, settings, { secret: signingSecret(settings), expiresInSeconds: TOKEN_SECONDS })
  return { user, token }
}

function notStarted(dataFolder: string): string {
  return `nothing was ever started on ${dataFolder}: run npm start in another terminal first, or give --url and --token`
}

/** The server checks the token; here only its user's name is read. */
function bearer(token: string) {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    if (typeof claims === 'object' && claims !== null && 'sub' in claims && typeof claims.sub === 'string')
      return { user: claims.sub, token }
  } catch {
    // Said below, as for a token without a user.
  }
  throw new OperatorError('--token is no token that names a user (sub)')
}

/** One clear line where the server is not there or does not take the token. */
export async function checkTarget({ url, token }: DemoTarget): Promise<void> {
  const answer = await fetch(`${url}/me`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch((cause: unknown) => {
    const why =
      cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause)
    throw new OperatorError(`no server answers at ${url} (${why}): run npm start in another terminal first`, {
      cause,
    })
  })
  await answer.body?.cancel()
  if (answer.status === 401)
    throw new OperatorError(
      `${url} does not take this token: the demo needs the JWT_SECRET, JWT_ISSUER and JWT_AUDIENCE of the server`,
    )
  if (!answer.ok) throw new OperatorError(`${url}/me answers ${answer.status}: is it a Divan?`)
}
