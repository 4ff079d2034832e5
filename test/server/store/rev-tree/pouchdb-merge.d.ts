declare module 'pouchdb-merge' {
  export type PouchStatus = { readonly status: 'available' | 'missing'; readonly deleted?: boolean }
  export type PouchNode = [id: string, status: PouchStatus, children: PouchNode[]]
  export type PouchTree = { readonly pos: number; readonly ids: PouchNode }[]
  export type PouchLeaf = { readonly rev: string; readonly opts: PouchStatus }
  export function merge(tree: PouchTree, path: PouchTree[number], limit: number): { readonly tree: PouchTree }
  export function winningRev(metadata: { readonly rev_tree: PouchTree }): string
  export function collectLeaves(tree: PouchTree): PouchLeaf[]
  export function collectConflicts(metadata: { readonly rev_tree: PouchTree }): string[]
}
