import { join } from 'node:path'

/** The file of the store in the server's data folder; the first of them, where it is divided over several. */
export function storeFileIn(dataFolder: string): string {
  return join(dataFolder, 'divan.sqlite')
}

/** All files of a store that is divided over so many. */
export function storeFilesIn(dataFolder: string, count: number): [string, ...string[]] {
  const others = Array.from({ length: count - 1 }, (_, at) => join(dataFolder, `divan-${at + 2}.sqlite`))
  return [storeFileIn(dataFolder), ...others]
}
