import type { DatabaseSyncInstance, DatabaseSyncOptions } from '@photostructure/sqlite'

/** How a SQLite file is opened: the one thing the store needs of a driver. */
export type OpenDatabase = new (file: string, options?: DatabaseSyncOptions) => DatabaseSyncInstance

/**
 * Node's own SQLite where it needs no flag (22.13 and newer), else the package with the same API and prebuilt
 * binaries. Which one runs follows from the version of Node alone.
 */
export async function loadDriver(): Promise<OpenDatabase> {
  const builtin = loadBuiltin()
  if (builtin !== undefined) return builtin
  return (await import('@photostructure/sqlite')).DatabaseSync
}

/** Node calls its SQLite experimental on stderr at every start; that is our risk to know, not our user's to read. */
function loadBuiltin(): OpenDatabase | undefined {
  const emitWarning = process.emitWarning
  process.emitWarning = () => {}
  try {
    const builtin = process.getBuiltinModule?.('node:sqlite') as { DatabaseSync: OpenDatabase } | undefined
    return builtin?.DatabaseSync
  } finally {
    process.emitWarning = emitWarning
  }
}
