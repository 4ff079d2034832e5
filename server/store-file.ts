import { join } from 'node:path'

/** The one file of the store in the server's data folder. */
export function storeFileIn(dataFolder: string): string {
  return join(dataFolder, 'divan.sqlite')
}
