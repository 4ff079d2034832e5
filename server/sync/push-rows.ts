import { checkText } from '../../design-docs/check-value.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { MAX_ID_LENGTH } from '../../design-docs/entity.ts'
import { isJsonObject, type JsonObject, memberOf } from '../../design-docs/json-object.ts'
import type { Problem } from '../../design-docs/problem.ts'
import { isSingle, type PushMessage, type SentList } from './message-push.ts'
import { pushMark } from './pushed-rev.ts'

/** A row that names what it is about. */
export type SentRow = {
  readonly entity: Entity
  /** The member of the message that holds it. */
  readonly list: string
  /** `sessions[3]` */
  readonly path: string
  /** As it was sent, which is how the answer names it. */
  readonly clientId: string
  readonly serverId: string | undefined
  readonly members: JsonObject
  /** See `pushMark`. */
  readonly mark: string
  /** How long it is as text. */
  readonly chars: number
}

/** A row that can be no document of its type. `text` is what was sent, if that can be kept. */
export type OddRow = {
  readonly list: string
  readonly clientId: string | null
  readonly problem: Problem
  readonly text: string | undefined
  readonly chars: number
}

/** The longest client id that still makes an id of a document together with its type and device. */
const MAX_CLIENT_ID_LENGTH = MAX_ID_LENGTH - 128

/** What apps know of one entity many times over. Half a million in one row held up everybody for seconds. */
export const MAX_MEMBERS = 1000

/** The rows of a message in the order of its lists. Reading them takes long, so it is done in steps. */
export function* sentRows(message: PushMessage, maxBytes: number): Generator<SentRow | OddRow> {
  for (const list of message.lists) {
    for (const [index, row] of list.rows.entries()) {
      const path = isSingle(list.entity) ? list.name : `${list.name}[${index}]`
      yield readRow(message.deviceId, list, { row, path, maxBytes })
    }
  }
}

type Place = { readonly row: unknown; readonly path: string; readonly maxBytes: number }

function readRow(
  deviceId: string,
  { entity, name }: SentList,
  { row, path, maxBytes }: Place,
): SentRow | OddRow {
  const clientId = isJsonObject(row) ? clientIdOf(entity, row) : null
  const text = textOf(row)
  const chars = text?.length ?? 0
  const odd = (reason: string, kept?: string, at = path): OddRow => {
    return { list: name, clientId, problem: { path: at, reason }, text: kept, chars }
  }
  if (text === undefined) return odd('The row is nested too deeply.')
  if (Buffer.byteLength(text) > maxBytes) return odd(`The row is larger than ${maxBytes} bytes.`)
  if (!isJsonObject(row)) return odd('Expected an object.', text)
  if (Object.keys(row).length > MAX_MEMBERS) return odd(`The row has more than ${MAX_MEMBERS} members.`, text)
  const reason = isSingle(entity) ? undefined : clientIdProblem(memberOf(row, 'clientId'))
  if (reason !== undefined || clientId === null) return odd(reason ?? '', text, `${path}.clientId`)
  const { serverId } = row
  return {
    entity,
    list: name,
    path,
    clientId,
    serverId: typeof serverId === 'string' ? serverId.toLowerCase() : undefined,
    members: row,
    mark: pushMark(deviceId, contentText(row)),
    chars,
  }
}

/** There is one document of such a type, whatever the device calls it. */
function clientIdOf(entity: Entity, row: JsonObject): string | null {
  const clientId = memberOf(row, 'clientId')
  if (typeof clientId === 'string') return clientId
  return isSingle(entity) ? '' : null
}

function clientIdProblem(clientId: unknown): string | undefined {
  if (clientId === undefined) return 'This member is required.'
  if (clientId === '') return 'The client id is empty.'
  return checkText(clientId, MAX_CLIENT_ID_LENGTH)
}

/** What the row says, without what it is called: an app adds the server id once it was told. */
function contentText(row: JsonObject): string {
  return JSON.stringify({ ...row, clientId: undefined, serverId: undefined })
}

/** Undefined for what is nested so deeply that it can be read but not written. */
function textOf(row: unknown): string | undefined {
  try {
    return JSON.stringify(row)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
