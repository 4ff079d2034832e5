import { z } from 'zod'
import { isRev } from './content/rev.ts'

/** `true` or `false`, as CouchDB writes them. */
export const flag = z.enum(['true', 'false']).transform(text => text === 'true')

/** A whole number from 0. */
export const count = z
  .string()
  .regex(/^\d{1,15}$/, 'it must be a whole number from 0')
  .transform(Number)

/** A value in JSON, such as `"a"` or `["a","b"]`. */
export const jsonValue = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'it must be JSON' })
    return z.NEVER
  }
})

/** A list of texts in JSON. */
export const jsonTexts = jsonValue.pipe(z.array(z.string(), 'it must be a JSON list of strings'))

/** `N-sig`, also quoted. */
export const rev = z.string().transform(unquoted).refine(isRev, { message: 'Invalid rev format' })

/**
 * What clients write as JSON text or as it is: `"3-x"` and `3-x`. An ETag may be a weak one, `W/"3-x"`: whoever gzips an answer, this
 * server or a proxy, makes it so, and the rev in it names the same document.
 */
export function unquoted(text: string): string {
  const quoted = text.startsWith('W/"') ? text.slice(2) : text
  return quoted.length > 1 && quoted.startsWith('"') && quoted.endsWith('"') ? quoted.slice(1, -1) : text
}
