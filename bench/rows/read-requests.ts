import { withConnection } from '../client/connection.ts'
import { requestOf, type Target } from '../client/target.ts'
import { filledDatabase } from './databases.ts'
import type { Sample, Size } from './row.ts'
import { timedPasses } from './timed-passes.ts'

/** Reads of the filled database, each a request after the other; a unit is a row, which has the mark once. */
export type Reads = {
  readonly mark: string
  /** Rows that all of them together have to bring. */
  readonly rows: number
  readonly requests: readonly {
    readonly method: 'GET' | 'POST'
    readonly path: string
    readonly body?: string | undefined
  }[]
}

export async function timedReads(target: Target, size: Size, reads: Reads): Promise<Sample> {
  const name = await filledDatabase(target, size.documents)
  const requests = reads.requests.map(({ method, path, body }) =>
    requestOf(target, method, `${name}/${path}`, body),
  )
  return await withConnection(target, connection =>
    timedPasses(target, size, {
      async pass() {
        let rows = 0
        for (const request of requests) rows += (await connection.ask(request, { mark: reads.mark })).marks
        if (rows !== reads.rows) throw new Error(`${rows} rows came of ${reads.rows}`)
        return rows
      },
    }),
  )
}
