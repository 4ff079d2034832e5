import { Connection } from '../connection.ts'
import { loadDriver } from '../driver.ts'

/**
 * - `synchronous = full`: every commit is fsynced, which is what an acknowledged write means.
 * - A checkpoint every 64 MiB instead of every 4: pages that change often are copied to the file once, not each time.
 *   The log is cut back to that size when it has grown beyond it.
 */
const PRAGMAS = `
pragma busy_timeout = 5000;
pragma synchronous = full;
pragma wal_autocheckpoint = 8192;
pragma journal_size_limit = 67108864;
pragma cache_size = -65536;
pragma temp_store = memory;
`

/** The one connection that writes. */
export async function openWriterConnection(file: string): Promise<Connection> {
  const connection = new Connection(await loadDriver(), file)
  connection.exec(PRAGMAS)
  return connection
}
