import { dataFolderAt } from './data-folder.ts'
import { OperatorError } from './operator-error.ts'
import { readRunning } from './running.ts'
import type { Settings } from './settings.ts'

/** The Postgres of the mirror: as it is set, else the one that runs on the data folder. */
export function mirrorDatabaseUrl({ databaseUrl, dataFolder }: Settings): string {
  const url = databaseUrl ?? readRunning(dataFolderAt(dataFolder))?.databaseUrl
  if (url === undefined) throw new OperatorError(notRunning(dataFolder, 'DATABASE_URL'))
  return url
}

/** The same with the server that is mirrored, and the credentials of a bridge. */
export function mirrorUrls(settings: Settings): { serverUrl: string; databaseUrl: string } {
  const { serverUrl, dataFolder } = settings
  const databaseUrl = mirrorDatabaseUrl(settings)
  const url = serverUrl ?? readRunning(dataFolderAt(dataFolder))?.bridgeServerUrl
  if (url === undefined) throw new OperatorError(notRunning(dataFolder, 'DIVAN_SERVER_URL'))
  return { serverUrl: url, databaseUrl }
}

function notRunning(dataFolder: string, variable: string): string {
  return `nothing runs on ${dataFolder}: start it with npm start, or set ${variable}`
}
