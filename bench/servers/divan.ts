import { join } from 'node:path'
import { startChildServer } from './child-server.ts'
import type { ServerKind } from './measured-server.ts'

const PASSWORD = 'password'
/** The program that was built together with this file. */
export const OWN_PROGRAM = join(import.meta.dirname, '..', '..', 'divan.js')

/** A Divan, of this build or of another one. */
export function divan(name = 'divan', program = OWN_PROGRAM): ServerKind {
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
  return {
    name,
    start: () =>
      startChildServer({
        name,
        authorization,
        upPath: '_up',
        command: (folder, port) => ({
          args: [program, 'server'],
          environment: {
            DIVAN_DATA: join(folder, 'data'),
            DIVAN_PORT: String(port),
            DIVAN_ADMIN_PASSWORD: PASSWORD,
            DIVAN_LOG_LEVEL: 'error',
          },
        }),
      }),
  }
}
