import { join } from 'node:path'

/** The file of the store in the server's data folder; the first of them, where it is divided over several. */
export function storeFileIn(dataFolder: string): string {
  return join(dataFolder, 'divan.sqlite')
}
