import { z } from 'zod'
import { checkText } from '../../design-docs/check-value.ts'
import { CouchError } from '../couch-error.ts'
import { canonicalEmail, isEmail, MAX_EMAIL_LENGTH } from './email.ts'
import { passwordProblem } from './passwords.ts'

/** An email, in the one way it is written here, and a password. */
export type Credentials = { readonly email: string; readonly password: string }
/** Who wants an account. */
export type SignUp = Credentials & { readonly displayName: string | undefined }

const MAX_DISPLAY_NAME_LENGTH = 255

const object = { error: 'Send a JSON object with an email and a password.' }
const text = (name: string) =>
  z.string({ error: ({ input }) => `The ${name} ${input === undefined ? 'is missing' : 'must be text'}.` })

/** What is wrong with a login's email or password is not told: it is the wrong one. */
const credentials = z.object(
  { email: text('email').transform(canonicalEmail), password: text('password') },
  object,
)

/** The app shows what is wrong to the person who typed it. */
const signUp = z.object(
  {
    email: text('email')
      .transform(canonicalEmail)
      .refine(
        isEmail,
        `The email is no address such as ann@example.org, or has more than ${MAX_EMAIL_LENGTH} characters.`,
      ),
    password: text('password').superRefine(saying('password', passwordProblem)),
    displayName: text('displayName')
      .trim()
      .superRefine(saying('displayName', name => within(checkText(name, MAX_DISPLAY_NAME_LENGTH))))
      .nullish(),
  },
  object,
)

/** What a login says. @throws CouchError `bad_request` that names the member */
export function readCredentials(body: unknown): Credentials {
  return parsed(credentials, body)
}

/** What a sign-up says. @throws CouchError `bad_request` that names the member */
export function readSignUp(body: unknown): SignUp {
  const { displayName, ...rest } = parsed(signUp, body)
  return { ...rest, displayName: displayName || undefined }
}

function parsed<Output>(schema: z.ZodType<Output>, body: unknown): Output {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw new CouchError('bad_request', result.error.issues[0]?.message ?? object.error)
}

/** A check that completes the sentence: `The password needs 8 characters or more.` */
function saying(name: string, problemOf: (text: string) => string | undefined) {
  return (text: string, context: z.core.$RefinementCtx<string>) => {
    const problem = problemOf(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `The ${name} ${problem}` })
  }
}

function within(reason: string | undefined): string | undefined {
  return reason === undefined ? undefined : `does not fit: ${reason}`
}
