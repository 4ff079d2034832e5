import type { Logger } from 'pino'
import { z } from 'zod'
import type { Caller } from '../auth/caller.ts'
import { mintToken, type TokenRules } from '../auth/token.ts'
import type { Answer, Call, Route } from '../http/route.ts'
import { type Account, isPremiumAt } from './account.ts'
import type { Accounts } from './accounts.ts'
import { createLogin } from './login.ts'
import { createPasswords } from './passwords.ts'
import { createSignUp } from './sign-up.ts'
import { readCredentials, readSignUp } from './sign-up-form.ts'

/** What the routes of accounts are built with. */
export type AccountsContext = {
  readonly accounts: Accounts
  readonly tokens: TokenRules
  /** Of new hashes. Absent: 12. */
  readonly bcryptCost?: number | undefined
  readonly log: Logger
}

/** The user as the app knows him. */
type User = {
  readonly id: string
  readonly email: string
  readonly displayName: string | null
  readonly isPremium: boolean
}

const TOKEN_SECONDS = 7 * 24 * 60 * 60
/** An email, a password and a name. */
const MAX_BODY_BYTES = 16 * 1024
/** Checked by the handlers, whose words are for the person who fills in the form. */
const body = { kind: 'json', schema: z.unknown(), maxBytes: MAX_BODY_BYTES } as const

/**
 * Signing up, logging in, and who one is. The first two are for everyone: an app sends its old token along when it logs in because of it.
 */
export function accountRoutes({ accounts, tokens, bcryptCost, log }: AccountsContext): readonly Route[] {
  const passwords = createPasswords(bcryptCost)
  const login = createLogin({ accounts, passwords, log })
  const signUp = createSignUp({ accounts, passwords })
  const welcome = (status: number, account: Account): Answer => {
    const { secret, issuer, audience } = tokens
    const { userId: sub } = account
    const token = mintToken({ sub, secret, issuer, audience, expiresInSeconds: TOKEN_SECONDS })
    return { status, headers: PRIVATE, json: { token, user: userOf(sub, account) } }
  }
  return [
    {
      method: 'POST',
      path: '/api/auth/signup',
      access: 'everyone',
      body,
      handle: async ({ body, address }: Call) => welcome(201, await signUp({ ...readSignUp(body), address })),
    },
    {
      method: 'POST',
      path: '/api/auth/login',
      access: 'everyone',
      body,
      handle: async ({ body, address }: Call) =>
        welcome(200, await login({ ...readCredentials(body), address })),
    },
    {
      method: 'GET',
      path: '/api/auth/me',
      access: 'user',
      async handle({ caller }: Call) {
        const sub = subOf(caller)
        return { headers: PRIVATE, json: userOf(sub, await accounts.ofUser(sub)) }
      },
    },
  ]
}

const PRIVATE = { 'Cache-Control': 'no-store' }

function subOf(caller: Caller): string {
  if (caller.kind !== 'user') throw new Error('the access table lets in none but users')
  return caller.sub
}

/**
 * A user whom only his token knows has no email. It is told as an empty text: the app that exists signs up with one and has never met
 * an account without, and its parser may take null for an answer that is broken.
 */
function userOf(sub: string, account: Account | undefined): User {
  return {
    id: sub,
    email: account?.email ?? '',
    displayName: account?.displayName ?? null,
    isPremium: isPremiumAt(account, Date.now()),
  }
}
