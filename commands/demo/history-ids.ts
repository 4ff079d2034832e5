import { docId } from '../../design-docs/doc-id.ts'
import { uuidV5 } from '../../design-docs/uuid.ts'

/** Ids of the demo's documents are made from names in here. */
const NAMESPACE = '0d0ac3f5-7f2b-4d5e-8f0a-5c1f5a1e2d10'

/**
 * The ids of one history. They follow from its name alone, so a phone that makes it again makes the same
 * documents, and a server that has them already need not be told anything.
 */
export type HistoryIds = {
  readonly deviceId: string
  /** The id a phone would draw for such a row. */
  uuid(...name: readonly (string | number)[]): string
  /** The parts of a document whose row the phone counts; such an id means something to this phone alone. */
  counted(type: string, count: number): { readonly _id: string; readonly clientId: string }
  /** The parts of a document whose row has a UUID. */
  drawn(
    type: string,
    ...name: readonly (string | number)[]
  ): { readonly _id: string; readonly clientId: string }
}

export function historyIds(historyName: string): HistoryIds {
  const deviceId = `demo-phone-${historyName}`
  const uuid = (...name: readonly (string | number)[]) => uuidV5(NAMESPACE, [historyName, ...name].join('/'))
  return {
    deviceId,
    uuid,
    counted: (type, count) => ({ _id: docId(type, String(count), deviceId), clientId: String(count) }),
    drawn(type, ...name) {
      const clientId = uuid(type, ...name)
      return { _id: docId(type, clientId), clientId }
    },
  }
}
