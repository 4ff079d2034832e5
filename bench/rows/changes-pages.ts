import { type Connection, withConnection } from '../client/connection.ts'
import { requestOf, type Target } from '../client/target.ts'
import { filledDatabase } from './databases.ts'
import type { Row } from './row.ts'
import { timedPasses } from './timed-passes.ts'

const PAGE_ROWS = 100

/** The feed as a phone reads it: a page, then the next from where that ended. */
export const changesPagesRow: Row = {
  key: 'changes-pages',
  title: '_changes in pages of 100',
  unit: 'rows/s',
  better: 'more',
  goal: { ofCouch: 5, ofExpressPouchdb: 5.1 },
  async measure(target, size) {
    const name = await filledDatabase(target, size.documents)
    return await withConnection(target, connection =>
      timedPasses(target, size, { pass: () => readPages(target, connection, name) }),
    )
  },
}

async function readPages(target: Target, connection: Connection, name: string): Promise<number> {
  let rows = 0
  for (let since = '0'; ; ) {
    const path = `${name}/_changes?style=all_docs&limit=${PAGE_ROWS}&since=${since}`
    const { marks, body } = await connection.ask(requestOf(target, 'GET', path), {
      mark: '"id":"',
      keep: true,
    })
    if (marks === 0) return rows
    rows += marks
    since = lastSeqOf(body)
  }
}

const LAST_SEQ = '"last_seq":'

/** As it stands in the page's end, to be sent back as it is. */
function lastSeqOf(page: Buffer): string {
  const value = page.toString('latin1', page.lastIndexOf(LAST_SEQ) + LAST_SEQ.length)
  return value.split(/[,}]/)[0]?.replaceAll('"', '') ?? ''
}
