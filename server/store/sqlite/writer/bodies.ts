import type { Attachment } from '../../store.ts'
import type { Connection } from '../connection.ts'
import { addRefs, removeRefs } from './attachment-refs.ts'

/** A revision's body on its way into the store. */
export type Body = {
  readonly rev: string
  readonly deleted: boolean
  readonly attachments: readonly Attachment[]
  readonly body: string
}

/** Stores a body under the number of the change that brings it. */
export function insertBody(connection: Connection, db: number, seq: number, body: Body): void {
  const attachments = body.attachments.length === 0 ? null : JSON.stringify(body.attachments)
  connection.run(
    'insert into bodies (key, rev, deleted, attachments, body) values (? << 32 | ?, ?, ?, ?, ?)',
    db,
    seq,
    body.rev,
    body.deleted ? 1 : 0,
    attachments,
    body.body,
  )
  addRefs(connection, db, body.attachments)
}

/** What was dropped with a body: bytes, those of attachments that only it had, too, and how many names of attachments it had. */
export type Dropped = { readonly bytes: number; readonly names: number }

/** Drops a body, and the attachments that only it had. */
export function dropBody(connection: Connection, db: number, seq: number, now: number): Dropped {
  const row = connection.row<[number, string | null]>(
    'delete from bodies where key = (? << 32 | ?) returning octet_length(body), attachments',
    db,
    seq,
  )
  if (row === undefined) return { bytes: 0, names: 0 }
  const [bytes, list] = row
  const attachments: readonly Attachment[] = list === null ? [] : JSON.parse(list)
  return { bytes: bytes + removeRefs(connection, db, attachments, now), names: attachments.length }
}

/** The rev of a stored revision. */
export function storedRev(connection: Connection, db: number, seq: number): string | undefined {
  return connection.row<[string]>('select rev from bodies where key = (? << 32 | ?)', db, seq)?.[0]
}

/** The attachments of a stored revision, in their order. */
export function storedAttachments(connection: Connection, db: number, seq: number): readonly Attachment[] {
  const row = connection.row<[string | null]>(
    'select attachments from bodies where key = (? << 32 | ?)',
    db,
    seq,
  )
  return row?.[0] ? JSON.parse(row[0]) : []
}

/** Bytes of a stored body with its attachments. */
export function storedSize(connection: Connection, db: number, seq: number): number {
  const row = connection.row<[number]>(
    'select octet_length(body) from bodies where key = (? << 32 | ?)',
    db,
    seq,
  )
  return (row?.[0] ?? 0) + totalLength(storedAttachments(connection, db, seq))
}

/** Bytes of all these attachments. */
export function totalLength(attachments: readonly Attachment[]): number {
  return attachments.reduce((sum, { length }) => sum + length, 0)
}
