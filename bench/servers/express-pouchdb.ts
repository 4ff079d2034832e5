import { fileURLToPath } from 'node:url'
import { startChildServer } from './child-server.ts'
import type { ServerKind } from './measured-server.ts'

const MAIN = fileURLToPath(new URL(`./express-pouchdb-main.${import.meta.url.slice(-2)}`, import.meta.url))

/** express-pouchdb in its smallest mode: without sign-in, without access rules, and without fsync. */
export const expressPouchdb: ServerKind = {
  name: 'express-pouchdb',
  start: () =>
    startChildServer({
      name: 'express-pouchdb',
      upPath: '',
      command: (folder, port) => ({ args: [MAIN, folder, String(port)] }),
    }),
}
