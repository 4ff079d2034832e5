import type { Attachment, Database, StoredDoc } from '../../../../server/store/store.ts'
import type { SeededRandom } from '../../../fixtures/seeded-random.ts'

/**
 * An attachment of an edit: bytes; a stub of one that is stored, with its digest or by its name alone (then the parent has it); a stub of
 * one that nobody has.
 */
export type AttachmentPlan =
  | { readonly kind: 'bytes'; readonly name: string; readonly data: Buffer; readonly revpos?: number }
  | { readonly kind: 'stub'; readonly name: string; readonly of: Attachment; readonly byName: boolean }
  | { readonly kind: 'missing'; readonly name: string }

export type EditPlan = {
  readonly id: string
  readonly deleted: boolean
  readonly body: { readonly [member: string]: unknown }
  readonly attachments: readonly AttachmentPlan[]
}
export type InteractivePlan = EditPlan & { readonly parent: string | undefined }
/** `path`: sigs, newest first. */
export type ReplicatedPlan = EditPlan & { readonly pos: number; readonly path: readonly string[] }

export type Operation =
  /** Clients' edits of one document in one list, made on one side first: that side gives the revs. */
  | {
      readonly kind: 'interactive'
      readonly first: 'ours' | 'theirs'
      readonly edits: readonly InteractivePlan[]
    }
  | { readonly kind: 'replicated'; readonly edits: readonly ReplicatedPlan[] }
  | {
      readonly kind: 'local'
      readonly id: string
      readonly rev: string | undefined
      readonly body: object | null
    }
  | { readonly kind: 'compact' }

/** Documents that are edited at a time. */
const DOCS = 8
/** Share of the operations. */
const COMPACTIONS = 0.02
const LOCAL_IDS = ['x', 'a/b', 'é']

/** Plans operations that fit what is stored: mostly good ones, sometimes stale, forked, deleted, brought back, or with a stub of nothing. */
export class RandomOperations {
  readonly #random: SeededRandom
  readonly #database: Database
  readonly #isLeftAlone: (id: string) => boolean
  #made = 0

  /** Another document takes the place of one that is left alone. */
  constructor(random: SeededRandom, database: Database, isLeftAlone: (id: string) => boolean) {
    this.#random = random
    this.#database = database
    this.#isLeftAlone = isLeftAlone
  }

  next(): Operation {
    const random = this.#random
    if (random.chance(0.08)) return this.#local()
    if (random.chance(COMPACTIONS)) return { kind: 'compact' }
    const doc = this.#doc(this.#id())
    const count = random.chance(0.2) ? 2 + random.below(3) : 1
    if (random.chance(0.5)) {
      const edits = Array.from({ length: count }, () => this.#interactive(doc))
      return { kind: 'interactive', first: random.chance(0.5) ? 'ours' : 'theirs', edits }
    }
    return { kind: 'replicated', edits: Array.from({ length: count }, () => this.#replicated(doc)) }
  }

  #id(): string {
    const n = this.#random.below(DOCS)
    let made = 0
    while (this.#isLeftAlone(`doc:${n}.${made}`)) made++
    return `doc:${n}.${made}`
  }

  #doc(id: string): { readonly id: string; readonly stored: StoredDoc | undefined } {
    return { id, stored: this.#database.doc(id) }
  }

  #interactive({
    id,
    stored,
  }: {
    readonly id: string
    readonly stored: StoredDoc | undefined
  }): InteractivePlan {
    const parent = this.#parent(stored)
    const base =
      stored && parent !== undefined && stored.tree.has(parent) ? this.#attachmentsOf(stored, parent) : []
    return { ...this.#edit(id, base, true), parent }
  }

  /** Mostly a leaf; sometimes nothing, an ancestor, or a rev that never was. */
  #parent(stored: StoredDoc | undefined): string | undefined {
    const random = this.#random
    if (stored === undefined) return random.chance(0.05) ? '1-never' : undefined
    if (stored.tree.winner.deleted && random.chance(0.5)) return undefined
    if (random.chance(0.05)) return undefined
    if (random.chance(0.03)) return '1-never'
    const leaf = random.pick(stored.tree.leaves()).rev
    return random.chance(0.06) ? random.pick(stored.tree.revsInfo(leaf)).rev : leaf
  }

  /** On top of a leaf or of one of its ancestors, some of the older ones left out; or a history of its own; or what is there already. */
  #replicated({
    id,
    stored,
  }: {
    readonly id: string
    readonly stored: StoredDoc | undefined
  }): ReplicatedPlan {
    const random = this.#random
    const leaf = stored && random.pick(stored.tree.leaves()).rev
    const known = leaf === undefined || random.chance(0.1) ? undefined : stored?.tree.revisions(leaf)
    const below = known === undefined || random.chance(0.7) ? 0 : random.below(Math.min(known.ids.length, 5))
    const kept = known?.ids.slice(below, random.chance(0.2) ? below + 1 + random.below(3) : undefined) ?? []
    const isRepeat = kept.length > 0 && random.chance(0.05)
    const fresh = isRepeat
      ? []
      : Array.from({ length: 1 + random.below(random.chance(0.1) ? 8 : 3) }, () => this.#sig())
    const pos = (known === undefined ? random.below(3) : known.start - below) + fresh.length
    const base = stored && leaf !== undefined && known !== undefined ? this.#attachmentsOf(stored, leaf) : []
    return { ...this.#edit(id, base, false), pos, path: [...fresh, ...kept] }
  }

  #sig(): string {
    return this.#random
      .below(2 ** 31)
      .toString(16)
      .padStart(8, '0')
  }

  #edit(id: string, base: readonly Attachment[], mayName: boolean): EditPlan {
    const random = this.#random
    const body = random.chance(0.2)
      ? { n: random.below(3) }
      : { n: this.#made++, text: 'é'.repeat(random.below(40)) }
    const deleted = random.chance(0.2)
    // PouchDB drops the attachments of a tombstone, and a stub that names nothing with them; CouchDB and we keep them.
    return { id, deleted, body, attachments: deleted ? [] : this.#attachments(base, mayName) }
  }

  #attachments(base: readonly Attachment[], mayName: boolean): AttachmentPlan[] {
    const random = this.#random
    const plans = new Map<string, AttachmentPlan>()
    for (const of of base) {
      if (random.chance(0.7))
        plans.set(of.name, { kind: 'stub', name: of.name, of, byName: mayName && random.chance(0.5) })
    }
    if (random.chance(0.25)) {
      const plan = this.#newAttachment(mayName)
      plans.set(plan.name, plan)
    }
    return [...plans.values()]
  }

  #newAttachment(isInteractive: boolean): AttachmentPlan {
    const random = this.#random
    const name = random.pick(['a.txt', 'b.txt', 'c.txt'])
    if (random.chance(0.08)) return { kind: 'missing', name: `missing-${name}` }
    const other = random.chance(0.2) ? this.#attachmentOfAnyLeaf() : undefined
    if (other !== undefined) return { kind: 'stub', name, of: { ...other, name }, byName: false }
    const data = random.chance(0.02)
      ? Buffer.alloc(262_144 + random.below(9), 'x')
      : Buffer.from('z'.repeat(random.below(9)))
    const revpos = !isInteractive && random.chance(0.3) ? { revpos: 1 } : {}
    return { kind: 'bytes', name, data, ...revpos }
  }

  #attachmentOfAnyLeaf(): Attachment | undefined {
    const { stored } = this.#doc(this.#id())
    const all = stored?.tree.leaves().flatMap(({ rev }) => this.#attachmentsOf(stored, rev)) ?? []
    return all.length === 0 ? undefined : this.#random.pick(all)
  }

  #attachmentsOf(stored: StoredDoc, rev: string): readonly Attachment[] {
    return this.#database.revision(stored, rev)?.attachments ?? []
  }

  #local(): Operation {
    const random = this.#random
    const id = random.pick(LOCAL_IDS)
    const current = this.#database.localDoc(id)?.rev
    const rev = random.chance(0.85) ? current : random.chance(0.3) ? undefined : random.pick(['0-1', '0-99'])
    return { kind: 'local', id, rev, body: random.chance(0.25) ? null : { n: this.#made++ } }
  }
}
