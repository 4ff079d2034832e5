import type { AttachmentEdit, Database, Edit } from '../../../server/store/store.ts'
import type { SeededRandom } from '../../fixtures/seeded-random.ts'
import { interactive, replicated } from './contract/subject.ts'

const IDS = Array.from({ length: 12 }, (_, n) => `doc:${n}`)

/** An edit of one of a few documents: mostly a good one, sometimes a branch, a stale rev, a delete, an attachment. */
export function randomEdit(random: SeededRandom, database: Database): Edit {
  const id = random.pick(IDS)
  const extra = {
    deleted: random.chance(0.2),
    body: JSON.stringify({ text: 'é'.repeat(random.below(40)) }),
    attachments: random.chance(0.2) ? [randomAttachment(random)] : undefined,
  }
  return random.chance(0.5)
    ? interactive(id, randomParent(random, database, id), extra)
    : replicated(id, randomPath(random, database, id), extra)
}

function randomParent(random: SeededRandom, database: Database, id: string): string | undefined {
  if (random.chance(0.1)) return random.chance(0.5) ? undefined : '1-stale'
  const tree = database.doc(id)?.tree
  return tree && random.pick(tree.leaves()).rev
}

/** On top of a known revision, some of its ancestors left out, or a history of its own. */
function randomPath(random: SeededRandom, database: Database, id: string): readonly [string, ...string[]] {
  const tree = database.doc(id)?.tree
  const base = tree && random.chance(0.85) ? tree.revisions(random.pick(tree.leaves()).rev) : undefined
  const from = base === undefined ? 0 : random.below(Math.min(base.ids.length, 4))
  const kept = base?.ids.slice(from, random.chance(0.3) ? from + 2 : undefined) ?? []
  const fresh = Array.from({ length: 1 + random.below(3) }, () => random.below(2 ** 31).toString(16))
  const pos = (base === undefined ? random.below(3) : base.start - from) + fresh.length
  return [`${pos}-${fresh[0]}`, ...fresh.slice(1), ...kept]
}

function randomAttachment(random: SeededRandom): AttachmentEdit {
  const name = random.pick(['a.txt', 'b.txt'])
  if (random.chance(0.3)) return { name, contentType: 'text/plain' }
  return { name, contentType: 'text/plain', data: Buffer.from('z'.repeat(random.below(4))) }
}
