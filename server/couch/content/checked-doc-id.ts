import { hasLoneSurrogate } from '../../../design-docs/lone-surrogate.ts'
import { CouchError } from '../../couch-error.ts'

const DESIGN = '_design/'
const LOCAL = '_local/'

/** True for what a client's URL parser takes for a way through the path and drops, however it was escaped. */
export function isDotSegment(segment: string): boolean {
  return segment === '.' || segment === '..'
}

/**
 * A document id as CouchDB allows it: any text, but a leading underscore is kept for `_design/` and `_local/`. Other than there it is
 * not `.` or `..`: no client can ask for them, and a pull that has to, for an attachment, stopped there for good.
 * @throws CouchError `illegal_docid`
 */
export function checkedDocId(id: unknown): string {
  if (typeof id !== 'string') throw new CouchError('illegal_docid', 'Document id must be a string')
  if (id === '') throw new CouchError('illegal_docid', 'Document id must not be empty')
  if (id.charCodeAt(0) === 0x5f) checkReserved(id)
  if (hasLoneSurrogate(id)) throw new CouchError('illegal_docid', 'Document id must be valid UTF-8')
  if (isDotSegment(id)) throw new CouchError('illegal_docid', 'Document id must not be `.` or `..`')
  return id
}

function checkReserved(id: string): void {
  if (id === DESIGN || id === LOCAL) throw new CouchError('illegal_docid', `Illegal document id \`${id}\``)
  if (isDesignDocId(id) || isLocalDocId(id)) return
  throw new CouchError('illegal_docid', 'Only reserved document ids may start with underscore.')
}

export function isDesignDocId(id: string): boolean {
  return id.startsWith(DESIGN)
}

export function isLocalDocId(id: string): boolean {
  return id.startsWith(LOCAL)
}

/** The store knows a local doc by what follows `_local/`. */
export function localName(id: string): string {
  return id.slice(LOCAL.length)
}
