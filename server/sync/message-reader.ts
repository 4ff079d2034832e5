import { z } from 'zod'
import { checkValue } from '../../design-docs/check-value.ts'
import { type Field, isRequired } from '../../design-docs/entity.ts'
import { CouchError } from '../couch-error.ts'

/** What a member of a message may be, as the description of its field says; absent and null are the same. */
export function fieldSchema(field: Field): z.ZodType<unknown> {
  const described = z.unknown().superRefine((value, context) => {
    const missing = isRequired(field) ? 'This member is required.' : undefined
    const message = value === null ? missing : checkValue(field, value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
  return described.prefault(null)
}

/**
 * A message as its schema has it.
 * @throws CouchError `bad_request` that names the member: `lastSync: Expected a whole number, found text.`
 */
export function readMessage<Message>(schema: z.ZodType<Message>, body: unknown): Message {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue === undefined ? '' : pathText(issue.path)
  const reason = issue?.message ?? 'The message cannot be read.'
  throw new CouchError('bad_request', path === '' ? reason : `${path}: ${reason}`)
}

/** `sessions[3].targetReps` */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '')
}
