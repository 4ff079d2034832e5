import type { StoreFacts } from '../sqlite/store-facts.ts'

/** What was copied, and how many files it is. */
export type CopiedFacts = StoreFacts & { readonly files: number }

/** Of all files together. */
export function sumOf(facts: readonly StoreFacts[]): CopiedFacts {
  const sum = (of: (one: StoreFacts) => number) => facts.reduce((all, one) => all + of(one), 0)
  return {
    databases: sum(({ databases }) => databases),
    documents: sum(({ documents }) => documents),
    bytes: sum(({ bytes }) => bytes),
    files: facts.length,
  }
}
