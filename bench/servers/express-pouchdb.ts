import { fileURLToPath } from 'node:url'
import { startChildServer } from './child-server.ts'
import type { ServerKind } from './measured-server.ts'

const MAIN = fileURLToPath(new URL(`./express-pouchdb-main.${import.meta.url.slice(-2)}`, import.meta.url))
const name = 'express-pouchdb'

/**
 * express-pouchdb in its smallest mode: without sign-in, without access rules, and without fsync. It keeps four descriptors of
 * every database it ever opened, and 150 KB of every feed.
 */
export const expressPouchdb: ServerKind = {
  name,
  promisesSync: false,
  start: () =>
    startChildServer({
      target: { name, most: { feeds: 500, databases: 2000 } },
      upPath: '',
      command: (folder, port) => ({ args: ['--no-warnings', MAIN, folder, String(port)] }),
    }),
}
