import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChildServer } from './child-server.ts'
import type { ServerKind } from './measured-server.ts'

const PASSWORD = 'password'
const TOKEN_SECRET = 'a secret of the benchmark, long enough for HS256'
/** The program that was built together with this file. */
const OWN_PROGRAM = fileURLToPath(new URL(`../../divan.${import.meta.url.slice(-2)}`, import.meta.url))

/** How a Divan is started: of this build or of another one, with settings of its own. */
export type DivanOptions = {
  readonly name?: string | undefined
  readonly program?: string | undefined
  readonly settings?: Readonly<Record<string, string>> | undefined
}

export function divan({ name = 'divan', program = OWN_PROGRAM, settings }: DivanOptions = {}): ServerKind {
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
  return {
    name,
    promisesSync: true,
    start: () =>
      startChildServer({
        target: { name, authorization, tokenSecret: TOKEN_SECRET },
        upPath: '_up',
        command: (folder, port) => ({
          args: [program, 'server'],
          environment: {
            DIVAN_DATA: join(folder, 'data'),
            DIVAN_PORT: String(port),
            DIVAN_ADMIN_PASSWORD: PASSWORD,
            DIVAN_LOG_LEVEL: 'error',
            JWT_SECRET: TOKEN_SECRET,
            ...settings,
          },
        }),
      }),
  }
}
