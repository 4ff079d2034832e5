import type { CopiedFacts } from '../server/backup.ts'

/** What a copy of the store holds, in words. */
export function storeFactsText({ databases, documents, bytes, files }: CopiedFacts): string {
  const facts = `${counted(databases, 'database')}, ${counted(documents, 'document')}, ${counted(bytes, 'byte')}`
  return files === 1 ? facts : `${facts} in ${files} files`
}

function counted(n: number, what: string): string {
  return `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`
}
