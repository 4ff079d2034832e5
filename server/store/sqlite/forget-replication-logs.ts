import type { ForgetFrom } from './commands.ts'
import type { WriterClient } from './writer-client.ts'

/**
 * Has the replication logs of one database deleted, or those of all, slice by slice with the writes of others in between. Resolves
 * after the last one; what a crash cuts off is asked for again by the one who waited for it.
 */
export async function forgetReplicationLogs(writer: WriterClient, db?: number): Promise<void> {
  const to = db ?? Number.MAX_SAFE_INTEGER
  let next: ForgetFrom | undefined = { db: db ?? 0, id: '' }
  while (next !== undefined) {
    next = await writer.send<'forgetReplicationLogs'>({ kind: 'forgetReplicationLogs', to, ...next })
  }
}
