import assert from 'node:assert/strict'
import { leafNodes } from './leaf-nodes.ts'
import { formatRev } from './rev.ts'
import { addMissing, type RevNode, type RevNodes } from './rev-node.ts'

/**
 * A history as text: one run for each leaf, the winner's first, joined by `|`. A run is
 * `<newest pos>-<oldest pos>;<node>,<node>,…` newest first, and ends with `^<sig>` if it hangs on a node of an earlier
 * run. A node is `<sig>` (missing), `<sig>:<seq>` (available) or `<sig>!<seq>` (available, deleted).
 *
 * Almost every history is a single run, which linear-history.ts extends without reading it. Equal histories have
 * equal texts.
 */
export function packTree(nodes: RevNodes): string {
  const packed = new Set<RevNode>()
  return leafNodes(nodes)
    .map(leaf => packRun(leaf, packed))
    .join('|')
}

function packRun(leaf: RevNode, packed: Set<RevNode>): string {
  const run: string[] = []
  let oldest = leaf.pos
  let at: RevNode | undefined = leaf
  while (at !== undefined && !packed.has(at)) {
    run.push(packNode(at.sig, at))
    packed.add(at)
    oldest = at.pos
    at = at.parent
  }
  const joint = at === undefined ? '' : `^${escapeSig(at.sig)}`
  return `${leaf.pos}-${oldest};${run.join(',')}${joint}`
}

/** The text of one node. */
export function packNode(sig: string, node: { readonly seq: number | undefined; readonly deleted: boolean }) {
  if (node.seq === undefined) return escapeSig(sig)
  return `${escapeSig(sig)}${node.deleted ? '!' : ':'}${node.seq}`
}

/** Reads what `packTree` wrote. */
export function unpackTree(text: string): RevNodes {
  const nodes: RevNodes = new Map()
  for (const run of text.split('|')) unpackRun(run, nodes)
  return nodes
}

/** The sigs of a history that has one run, newest first. */
export function unpackSigs(text: string): string[] {
  return text
    .slice(text.indexOf(';') + 1)
    .split(',')
    .map(part => {
      const mark = part.search(/[:!]/)
      return unescapeSig(mark === -1 ? part : part.slice(0, mark))
    })
}

function unpackRun(run: string, nodes: RevNodes): void {
  const start = run.indexOf(';')
  const [list = '', joint] = run.slice(start + 1).split('^')
  let pos = Number.parseInt(run, 10)
  let child: RevNode | undefined
  for (const part of list.split(',')) {
    const node = unpackNode(part, pos--, nodes)
    if (child !== undefined) child.parent = node
    child = node
  }
  if (joint === undefined) return
  const parent = nodes.get(formatRev(pos, unescapeSig(joint)))
  assert(child !== undefined && parent !== undefined, 'a run hangs on a node of an earlier run')
  child.parent = parent
}

function unpackNode(part: string, pos: number, nodes: RevNodes): RevNode {
  const mark = part.search(/[:!]/)
  if (mark === -1) return addMissing(nodes, pos, unescapeSig(part))
  const node = addMissing(nodes, pos, unescapeSig(part.slice(0, mark)))
  node.seq = Number(part.slice(mark + 1))
  node.deleted = part[mark] === '!'
  return node
}

/** Sigs are hex digits nearly always, but any text is a legal one. */
const HEX_DIGITS = /^[0-9a-f]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL would end the text in SQL functions
const SEPARATORS = /[%,;:!|^\u0000-\u001f]/g

function escapeSig(sig: string): string {
  if (HEX_DIGITS.test(sig)) return sig
  return sig.replace(SEPARATORS, char => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function unescapeSig(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
