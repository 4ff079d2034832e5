import { z } from 'zod'
import { deviceId } from '../../design-docs/base-fields.ts'
import { checkValue } from '../../design-docs/check-value.ts'
import { type Field, isRequired } from '../../design-docs/entity.ts'
import { CouchError } from '../couch-error.ts'

/** What is wrong with a member of a message, as the description of its field says; absent and null are the same. */
export function memberProblem(field: Field, value: unknown): string | undefined {
  if (value !== null && value !== undefined) return checkValue(field, value)
  return isRequired(field) ? 'This member is required.' : undefined
}

/** `memberProblem` as a schema. */
export function fieldSchema(field: Field): z.ZodType<unknown> {
  const described = z.unknown().superRefine((value, context) => {
    const message = memberProblem(field, value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
  return described.prefault(null)
}

/** The device that sends a message. Documents may lack one, messages never do. */
export const senderSchema = fieldSchema({ ...deviceId, nullable: undefined })

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
