import { checkInDatabase } from '../../../design-docs/check-in-database.ts'
import { chooseLeaf } from '../../../design-docs/choose-leaf.ts'
import type { DatabaseKind } from '../../../design-docs/entity.ts'
import type { JsonObject } from '../../../design-docs/json-object.ts'
import type { Problem } from '../../../design-docs/problem.ts'
import { TextWriter } from '../../http/text-writer.ts'
import type { ChangeRow, Database, Place, Revision } from '../../store/store.ts'
import { isDesignDocId } from '../content/checked-doc-id.ts'
import { STRETCH } from './changes-feed.ts'
import { endText } from './feed-frame.ts'
import type { LiveWait } from './live-wait.ts'
import type { PacedTurns } from './paced-turns.ts'

/** Documents of one turn: each is parsed, which the rest of the server never does. Large ones end a page earlier, see `Database.changes`. */
const PAGE_ROWS = 100

export type ProblemsRequest = {
  readonly kind: DatabaseKind
  /** Where to begin. */
  readonly place: Place
  /** At most so many documents with problems. */
  readonly limit: number
  /** Shared by all who ask. */
  readonly turns: PacedTurns
  /** Who asks. */
  readonly caller: string
}

/** What is known of a changed document after its page: the verdict, or, of one with rivals, the leaves that it depends on. */
type Checked = Rivals | { readonly n: number; readonly id: string; readonly verdict: Verdict | undefined }

/** A document with conflicting versions. */
type Rivals = { readonly n: number; readonly id: string; readonly rivals: readonly string[] }

/** The revision that the mirror would show, and why it cannot. */
type Verdict = { readonly rev: string; readonly problems: readonly Problem[] }

/**
 * Goes through the changes of a database and tells of the documents with problems. A parsed document lives as long as a turn, and of a page
 * only what is to be told is kept until the client has taken it.
 */
export class ProblemsFeed {
  readonly #database: Database
  readonly #request: ProblemsRequest
  /** The last place that was looked at. */
  #at: number
  #left: number

  constructor(database: Database, request: ProblemsRequest) {
    this.#database = database
    this.#request = request
    this.#at = request.place.n
    this.#left = request.limit
  }

  /** All there is now, or as much as the limit, the token and the server allow: `last_seq` is where to go on. */
  async write(wait: LiveWait): Promise<void> {
    const writer = new TextWriter(wait.out)
    await writer.add('{"problems":[\n')
    let separator = ''
    for await (const row of this.#rows(wait)) {
      await writer.add(separator + row)
      separator = ',\n'
    }
    const lastSeq = this.#database.sequence(this.#at)
    const pending = this.#database.pending(this.#at)
    await writer.add(`\n],\n${endText({ lastSeq, pending, rewound: this.#request.place.rewound })}}\n`)
    await writer.flush()
  }

  async *#rows(wait: LiveWait): AsyncGenerator<string> {
    while (this.#left > 0 && !wait.hasEnded()) {
      // Before the page: a commit between the two reads may only make this number too low.
      const { updateSeq } = this.#database.facts()
      const upTo = this.#at + STRETCH
      const page = (await this.#turn(wait, () => this.#checkedPage(upTo))) ?? []
      for (const checked of page) {
        const verdict = 'rivals' in checked ? await this.#verdictAmong(checked, wait) : checked.verdict
        // Behind the verdict: one that was not waited for is none, and whoever goes on has to come to it.
        if (wait.hasEnded()) return
        if (verdict !== undefined) yield this.#row(checked, verdict)
        this.#at = checked.n
        if (this.#left === 0) return
      }
      if (wait.hasEnded()) return
      if (page.length === 0) this.#at = Math.max(this.#at, Math.min(upTo, updateSeq))
      if (this.#at >= updateSeq) return
    }
  }

  /** Undefined once the client is gone or has to be told the end: a turn takes long to come, and clients that left must not hold up others. */
  #turn<Result>(wait: LiveWait, work: () => Result): Promise<Result | undefined> {
    const { turns, caller } = this.#request
    return turns.run(caller, () => (wait.hasEnded() ? undefined : work()))
  }

  #row({ n, id }: Checked, verdict: Verdict): string {
    this.#left--
    const { rev, problems } = verdict
    return JSON.stringify({ id, rev, seq: this.#database.sequence(n), problems })
  }

  #checkedPage(upTo: number): Checked[] {
    const page = { after: this.#at, upTo, limit: PAGE_ROWS, withBodies: true }
    return this.#database.changes(page).map(row => this.#checked(row))
  }

  #checked({ n, id, deleted, rev, leaves, revision }: ChangeRow): Checked {
    if (deleted || isDesignDocId(id)) return { n, id, verdict: undefined }
    const rivals = leaves?.filter(leaf => !leaf.deleted).map(leaf => leaf.rev) ?? []
    return rivals.length > 1 ? { n, id, rivals } : { n, id, verdict: this.#verdict(id, rev, revision) }
  }

  #verdict(id: string, rev: string, revision: Revision | undefined): Verdict | undefined {
    const doc = revision && { ...bodyOf(revision), _id: id, _rev: rev }
    const problems = checkInDatabase(this.#request.kind, id, doc)
    return problems.length === 0 ? undefined : { rev, problems }
  }

  /**
   * Of conflicting versions one is shown, and only that one counts. Each is read in a turn of its own, the shown one again: there may be many,
   * and large. What is gone meanwhile is left out, for a later change tells of it.
   */
  async #verdictAmong({ id, rivals }: Rivals, wait: LiveWait): Promise<Verdict | undefined> {
    const leaves = []
    for (const rev of rivals) {
      if (wait.hasEnded()) return undefined
      const updatedAt = await this.#turn(wait, () => updatedAtOf(this.#revision(id, rev)))
      if (updatedAt !== undefined) leaves.push({ _rev: rev, updatedAt })
    }
    const rev = chooseLeaf(leaves)?._rev
    if (rev === undefined) return undefined
    return this.#turn(wait, () => {
      const revision = this.#revision(id, rev)
      return revision && this.#verdict(id, rev, revision)
    })
  }

  #revision(id: string, rev: string): Revision | undefined {
    return this.#database.atOnce(() => {
      const doc = this.#database.doc(id)
      return doc && this.#database.revision(doc, rev)
    })
  }
}

function bodyOf(revision: Revision): JsonObject {
  return JSON.parse(revision.body)
}

/** Undefined for a revision that is gone. What is no number is older than every number: its text need not be kept. */
function updatedAtOf(revision: Revision | undefined): number | undefined {
  const updatedAt = revision && bodyOf(revision).updatedAt
  if (revision === undefined) return undefined
  return typeof updatedAt === 'number' ? updatedAt : Number.NEGATIVE_INFINITY
}
