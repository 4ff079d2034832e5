import { setImmediate } from 'node:timers/promises'
import { docId, parseDocId } from '../../design-docs/doc-id.ts'
import { isUuid } from '../../design-docs/uuid.ts'
import type { Database } from '../store/store.ts'
import { rowSpaceOf, serverIdOf } from './identity.ts'
import { isSingle } from './message-push.ts'
import type { SentRow } from './push-rows.ts'
import type { ServerIds } from './server-ids.ts'

/** A row and the document it means. */
export type NamedRow = SentRow & { readonly docId: string }

/** Which documents the rows of a push mean, and what is stored for their references. */
export type Identities = {
  readonly rows: readonly NamedRow[]
  /** What is stored for a reference: the parent's id without its type. */
  reference(to: string, sent: string): string
}

/** Documents that are asked for before others have their turn. */
const PAGE_IDS = 500

type Asked = { readonly database: Database; readonly deviceId: string; readonly serverIds: ServerIds }

/**
 * A row means the document that its `serverId` names; else the one that its client id names: a UUID everywhere, any other id on the device
 * that sent it. Such an id of another device is sent in the form in which a pull has shown it.
 */
export async function identify(sent: readonly SentRow[], asked: Asked): Promise<Identities> {
  const { database, deviceId } = asked
  const known = new KnownIds(asked)
  const foreign = sent.flatMap(({ entity, clientId }) => foreignForm(entity.type, clientId, deviceId))
  await known.look(foreign)
  const rows: NamedRow[] = []
  const rowSpace = rowSpaceOf(database.name)
  for (const [n, row] of sent.entries()) {
    const natural = naturalId(row, deviceId, known)
    const isNamed = row.serverId === undefined || serverIdOf(rowSpace, natural) === row.serverId
    const named = isNamed ? undefined : await known.ofServerId(row.entity.type, row.serverId ?? '')
    rows.push({ ...row, docId: named ?? natural })
    if (n % PAGE_IDS === 0) await setImmediate()
  }
  return { rows, reference: await referencesOf(rows, known, deviceId) }
}

function naturalId({ entity, clientId }: SentRow, deviceId: string, known: KnownIds): string {
  if (isSingle(entity)) return entity.type
  const own = docId(entity.type, clientId, deviceId)
  const [, other] = foreignForm(entity.type, clientId, deviceId)
  return other !== undefined && known.has(other) && !known.has(own) ? other : own
}

/** The two documents that a client id with a colon may mean: the device's own one, and that of the device it names. */
function foreignForm(type: string, clientId: string, deviceId: string): readonly string[] {
  const id = `${type}:${clientId}`
  return parseDocId(id)?.deviceId === undefined ? [] : [docId(type, clientId, deviceId), id]
}

/** Parents of this push are there, too: it is stored parents first. */
async function referencesOf(rows: readonly NamedRow[], known: KnownIds, deviceId: string) {
  for (const row of rows) known.add(row.docId)
  const sent = sentReferences(rows)
  await known.look(Array.from(sent.values()).flatMap(({ to, id }) => candidates(to, id, deviceId)))
  const stored = new Map<string, string>()
  for (const [key, { to, id }] of sent) {
    const found = candidates(to, id, deviceId).find(candidate => known.has(candidate))
    const named = found ?? (isUuid(id) ? await known.ofServerId(to, id.toLowerCase()) : undefined)
    stored.set(key, (named ?? docId(to, id, deviceId)).slice(to.length + 1))
  }
  return (to: string, id: string) => stored.get(`${to}:${id}`) ?? id
}

type Reference = { readonly to: string; readonly id: string }

function sentReferences(rows: readonly NamedRow[]): ReadonlyMap<string, Reference> {
  const sent = new Map<string, Reference>()
  for (const { entity, members } of rows) {
    for (const [name, field] of Object.entries(entity.fields)) {
      const id = field.kind === 'reference' && Object.hasOwn(members, name) ? members[name] : undefined
      if (field.kind === 'reference' && typeof id === 'string' && id !== '')
        sent.set(`${field.to}:${id}`, { to: field.to, id })
    }
  }
  return sent
}

/** The device's own row first: it is what a bare number means. */
function candidates(to: string, id: string, deviceId: string): readonly string[] {
  const own = docId(to, id, deviceId)
  return parseDocId(`${to}:${id}`) === undefined ? [own] : [own, `${to}:${id}`]
}

/** Which ids there are, deleted ones too, as far as they were looked up. */
class KnownIds {
  readonly #ids = new Set<string>()
  /** Of a type with very many documents they take long to read: once in a push. */
  readonly #byServerId = new Map<string, ReadonlyMap<string, string>>()
  readonly #asked: Asked

  constructor(asked: Asked) {
    this.#asked = asked
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    this.#ids.add(id)
  }

  async look(ids: readonly string[]): Promise<void> {
    const wanted = [...new Set(ids)].filter(id => !this.#ids.has(id))
    for (const [n, id] of wanted.entries()) {
      if (this.#asked.database.doc(id) !== undefined) this.#ids.add(id)
      if (n % PAGE_IDS === PAGE_IDS - 1) await setImmediate()
    }
  }

  async ofServerId(type: string, serverId: string): Promise<string | undefined> {
    const { database, serverIds } = this.#asked
    const ids = this.#byServerId.get(type) ?? (await serverIds.ofType(database, type))
    this.#byServerId.set(type, ids)
    return ids.get(serverId)
  }
}
