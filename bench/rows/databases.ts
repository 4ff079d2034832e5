import { type Connection, withConnection } from '../client/connection.ts'
import { bulkBodies } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'

let made = 0

/** A name that no run of this benchmark has used. */
export function newDatabaseName(): string {
  made++
  return `bench-${process.pid}-${Date.now().toString(36)}-${made}`
}

export async function makeDatabase(target: Target, connection: Connection): Promise<string> {
  const name = newDatabaseName()
  await connection.ask(requestOf(target, 'PUT', name))
  return name
}

/** The database that all reading rows share, with its documents in it. */
export async function filledDatabase(target: Target, documents: number): Promise<string> {
  const name = `bench-filled-${documents}`
  await withConnection(target, async connection => {
    if ((await docCount(target, connection, name)) === documents) return
    await connection.send(requestOf(target, 'PUT', name))
    for (const body of bulkBodies(0, documents, false))
      await connection.ask(requestOf(target, 'POST', `${name}/_bulk_docs`, body))
  })
  return name
}

/** How many documents a database has, undefined if it is not there. */
export async function docCount(
  target: Target,
  connection: Connection,
  name: string,
): Promise<number | undefined> {
  const { status, body } = await connection.send(requestOf(target, 'GET', name), { keep: true })
  return status === 200 ? JSON.parse(body.toString()).doc_count : undefined
}
