import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { accountRoutes } from './accounts/account-routes.ts'
import { createAccounts } from './accounts/accounts.ts'
import { admit } from './auth/access.ts'
import { createAuthenticate, createRecognize } from './auth/authenticate.ts'
import { createPasswordCheck } from './auth/password-check.ts'
import { createSessionCookies } from './auth/session-cookie.ts'
import { createSessions } from './auth/sessions.ts'
import { isBodilessError } from './couch/bodiless-errors.ts'
import { USERS_DATABASE } from './couch/databases/checked-database-name.ts'
import { couchRoutes } from './couch/routes.ts'
import { createApp } from './http/app.ts'
import { ArrivingBodies } from './http/arriving-bodies.ts'
import { callerKey } from './http/caller-key.ts'
import { type Listening, listen } from './http/listen.ts'
import { createLog } from './http/log.ts'
import { MemoryGate } from './http/memory-gate.ts'
import { createOpenCalls, type OpenCalls } from './http/open-calls.ts'
import { UnreadAnswers } from './http/unread-answers.ts'
import { createHealth } from './ops/health.ts'
import { opsRoutes } from './ops/routes.ts'
import { createServerMetrics } from './ops/server-metrics.ts'
import { openStoreFiles } from './store/sharded/open-store-files.ts'
import type { Store } from './store/store.ts'
import { storeFileIn } from './store-file.ts'
import { metricsRoutes } from './sync/metrics/metrics-routes.ts'
import { ServerIds } from './sync/server-ids.ts'
import { syncRoutes } from './sync/sync-routes.ts'

/** What the server needs to know; commands/settings.ts reads it from the environment. */
export type ServerOptions = {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** The folder that holds the store's file and uploads in progress. Made if it does not exist. */
  readonly dataFolder: string
  /** Over how many files the store is divided, each with a thread of its own that writes it. One without it. */
  readonly shards?: number | undefined
  readonly jwt: {
    readonly secret: string
    readonly algorithm: 'HS256'
    /** Undefined: not checked. */
    readonly issuer: string | undefined
    readonly audience: string | undefined
  }
  /** Server admins; hashes as made by `hashPassword` of auth/password.ts. */
  readonly admins: readonly { readonly name: string; readonly passwordHash: string }[]
  /** Of users' new password hashes. 12 without it; tests take less. */
  readonly bcryptCost?: number | undefined
  readonly corsOrigins: readonly string[]
  readonly maxDocumentBytes: number
  readonly maxAttachmentBytes: number
  /** Whether clients that cannot replicate are refused where their user has no premium. Absent: false. */
  readonly requirePremium?: boolean | undefined
  readonly trustProxy: boolean
  /** How many live feeds one token has before further ones end soon: a browser has six connections. */
  readonly feedsPerToken: number
  /** Whether answers are compressed for the clients that ask for it; off where a proxy does that. */
  readonly gzip: boolean
  readonly logLevel: string
}

/** A running server. */
export type Server = {
  /** With the real port, without credentials or a trailing slash. */
  readonly url: string
  readonly store: Store
  /** Takes no more requests, ends live feeds with a valid last line, then closes the store. */
  close(): Promise<void>
}

/** Why the server cannot start, for the operator. `code` is the operating system's word, as in `EADDRINUSE`. */
export class StartError extends Error {
  readonly code: string

  constructor(reason: string, cause: NodeJS.ErrnoException) {
    super(reason, { cause })
    this.name = 'StartError'
    this.code = cause.code ?? ''
  }
}

/** What each part of the server that listens is made of. */
type Parts = { readonly store: Store; readonly calls: OpenCalls; readonly log: Logger }

const UPLOADS_FOLDER = 'uploads'
/** How long answers under way may take to end once the server closes. */
const CLOSE_GRACE_MS = 3_000

/** Opens the store and listens. Fails with one clear line for the operator. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const log = createLog(options.logLevel)
  const store = await openStoreFiles({
    file: storeFileIn(options.dataFolder),
    shards: options.shards ?? 1,
    log: line => log.error(line),
  })
  const calls = createOpenCalls()
  try {
    await store.createDatabase(USERS_DATABASE)
    const listening = await listenOn({ store, calls, log }, options)
    const url = urlOf(options.host, listening.port)
    log.debug({ url }, 'listening')
    return { url, store, close: once(() => closeAll(listening, { store, calls, log })) }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function listenOn(parts: Parts, options: ServerOptions): Promise<Listening> {
  const checkPassword = createPasswordCheck(options.admins, parts.log)
  const sessions = createSessions(createSessionCookies(options.jwt.secret, options.admins), checkPassword)
  // Not the gate of documents: what others only ask for must not hold up what phones push.
  const bodies = new MemoryGate()
  const version = await packageVersion()
  const { store, calls } = parts
  const metrics = createServerMetrics({ store, openCalls: () => calls.size, version })
  const protocol = couchRoutes({
    store,
    limits: options,
    feedsPerToken: options.feedsPerToken,
    uploadsFolder: join(options.dataFolder, UPLOADS_FOLDER),
    memoryGate: new MemoryGate(),
    version,
    log: parts.log,
    adminSessions: sessions,
  })
  const accounts = createAccounts(store)
  const serverIds = new ServerIds()
  const { jwt: tokens, bcryptCost } = options
  const app = createApp({
    routes: [
      ...protocol,
      ...accountRoutes({ accounts, tokens, bcryptCost, log: parts.log }),
      ...metricsRoutes({ store, serverIds }),
      ...syncRoutes({
        store,
        serverIds,
        accountOf: accounts.ofUser,
        requirePremium: options.requirePremium ?? false,
        maxDocumentBytes: options.maxDocumentBytes,
      }),
      ...opsRoutes({ health: createHealth(store), metrics }),
    ],
    authenticate: createAuthenticate({ tokens: options.jwt, checkPassword, sessions }),
    recognize: createRecognize(options.jwt),
    admit,
    isBodilessError,
    calls,
    answered: metrics.answered,
    admitBody: (bytes, signal, caller) => bodies.enter(bytes, signal, callerKey(caller)),
    arriving: new ArrivingBodies(),
    unread: new UnreadAnswers(),
    log: parts.log,
    corsOrigins: options.corsOrigins,
    trustProxy: options.trustProxy,
    gzip: options.gzip,
    serverName: `Divan/${version}`,
  })
  try {
    return await listen(app, options.host, options.port)
  } catch (error) {
    throw startError(error as NodeJS.ErrnoException, options)
  }
}

function startError(error: NodeJS.ErrnoException, { host, port }: ServerOptions): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartError(
        `Port ${port} of ${host} is taken: end what listens there, or set DIVAN_PORT.`,
        error,
      )
    case 'EACCES':
      return new StartError(
        `This user may not listen on port ${port}: set DIVAN_PORT to one above 1023.`,
        error,
      )
    default:
      return new StartError(`Cannot listen on ${host}, port ${port} (${error.code}): set DIVAN_HOST.`, error)
  }
}

/** Feeds first, so that they still can read the store for their last line; the store last. */
async function closeAll(listening: Listening, { store, calls }: Parts): Promise<void> {
  calls.close()
  await listening.close(CLOSE_GRACE_MS)
  await store.close()
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined
  return () => {
    closed ??= close()
    return closed
  }
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** From the package.json beside the sources, or one folder up from the compiled ones. */
async function packageVersion(): Promise<string> {
  for (const path of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => undefined)
    if (text !== undefined) return String(JSON.parse(text).version)
  }
  return 'unknown'
}
