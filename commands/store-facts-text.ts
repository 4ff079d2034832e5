import type { StoreFacts } from '../server/backup.ts'

/** What a copy of the store holds, in words. */
export function storeFactsText({ databases, documents, bytes }: StoreFacts): string {
  return `${counted(databases, 'database')}, ${counted(documents, 'document')}, ${counted(bytes, 'byte')}`
}

function counted(n: number, what: string): string {
  return `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`
}
