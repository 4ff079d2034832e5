import { createHash } from 'node:crypto'
import { entitiesIn } from './catalogue.ts'
import type { DatabaseKind, Entity } from './entity.ts'

/** A design document that the server shows in every user's databases of a kind. It is stored nowhere. */
export interface DesignDoc {
  readonly _id: `_design/${string}`
  /** It follows from the content, so that it is the same on every server and another one once a description has changed. */
  readonly _rev: string
  readonly language: 'javascript'
  /** What the documents there are, parents before children: the contract is entity.ts. */
  readonly entities: readonly Entity[]
}

/** The design documents of the databases of a kind. */
export function designDocsOf(database: DatabaseKind): readonly DesignDoc[] {
  return [finished('_design/entities', { language: 'javascript', entities: entitiesIn(database) })]
}

function finished(_id: DesignDoc['_id'], content: Omit<DesignDoc, '_id' | '_rev'>): DesignDoc {
  const sig = createHash('md5').update(JSON.stringify(content)).digest('hex')
  return { _id, _rev: `1-${sig}`, ...content }
}
