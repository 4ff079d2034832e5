import type { MeasuredServer, ServerKind } from './measured-server.ts'

export type Kinds = { readonly ours: ServerKind; readonly peer: ServerKind | undefined }
export type Pair = { readonly ours: MeasuredServer; readonly peer: MeasuredServer | undefined }

/** Both servers with empty folders, until `work` ends. */
export async function withServers<T>(kinds: Kinds, work: (pair: Pair) => Promise<T>): Promise<T> {
  const ours = await kinds.ours.start()
  try {
    const peer = await kinds.peer?.start()
    try {
      return await work({ ours, peer })
    } finally {
      await peer?.close()
    }
  } finally {
    await ours.close()
  }
}
