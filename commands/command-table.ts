import type { Command } from './command.ts'

/** Every command, in the order `divan --help` shows them. */
export const commandTable: readonly Command[] = [
  {
    name: 'start',
    usage: 'start',
    text: 'server, bridge and, unless DATABASE_URL is set, a Postgres',
    options: {},
    optionTexts: [],
    words: [],
    load: async () => (await import('./start.ts')).start,
  },
  {
    name: 'server',
    usage: 'server',
    text: 'the server alone',
    options: {},
    optionTexts: [],
    words: [],
    load: async () => (await import('./server.ts')).server,
  },
  {
    name: 'bridge',
    usage: 'bridge',
    text: 'the bridge alone: from DIVAN_SERVER_URL into DATABASE_URL',
    options: {},
    optionTexts: [],
    words: [],
    load: async () => (await import('./bridge.ts')).bridge,
  },
  {
    name: 'demo',
    usage: 'demo [--seed <n>] [--sessions <n>]',
    text: 'acts as a phone and shows the rows that arrive in Postgres',
    options: {
      seed: { type: 'string' },
      sessions: { type: 'string' },
      url: { type: 'string' },
      token: { type: 'string' },
    },
    optionTexts: [
      ['--seed <n>', 'another training history (default 1)'],
      ['--sessions <n>', 'how many sessions it has (default 200)'],
      ['--url <url>', 'another server than the one that runs on DIVAN_DATA'],
      ['--token <token>', 'act for the user of this token, not for the demo user'],
    ],
    words: [],
    load: async () => (await import('./demo/demo.ts')).demo,
  },
  {
    name: 'token',
    usage: 'token --user <uuid> [--expires 7d]',
    text: 'prints a token for a user',
    options: { user: { type: 'string' }, expires: { type: 'string' } },
    optionTexts: [
      ['--user <uuid>', 'whose token it is'],
      ['--expires <time>', 'how long it is valid: 7d, 12h, 30m or 90s (default 7d)'],
    ],
    words: [],
    load: async () => (await import('./token.ts')).token,
  },
  {
    name: 'dead-letters',
    usage: 'dead-letters [replay]',
    text: 'lists the changes that fit no table, or tries them again',
    options: {},
    optionTexts: [],
    words: ['replay'],
    load: async () => (await import('./dead-letters.ts')).deadLetters,
  },
]
