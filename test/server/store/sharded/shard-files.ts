/** The files of a store in a test's folder. */
export function shardFiles(folder: string, count: number): [string, ...string[]] {
  return [
    `${folder}/store.db`,
    ...Array.from({ length: count - 1 }, (_, at) => `${folder}/store-${at + 2}.db`),
  ]
}
