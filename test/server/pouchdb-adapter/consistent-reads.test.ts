import t from 'tap'
import type { Database, Edit, Store } from '../../../server/store/store.ts'
import { divanPouch, pouchOn } from '../../fixtures/divan-pouch.ts'

const { open, store } = await divanPouch(t)
const ATTACHED = 'before'
const OTHERS_WRITE = 5000

type Rival = {
  readonly store: Store
  /** True if the rival has written. */
  hasWritten(): boolean
}

/**
 * A store on which another writer is as unlucky for a reader as can be: as soon as the reader has read a first page, and before anything
 * else is run here, the documents of that page have new revisions and their old bodies are gone. The writer is a thread of its own, so
 * that it is enough to wait for it without a turn of the event loop.
 */
function rivalOf(edits: readonly Edit[]): Rival {
  let written = false
  let depth = 0
  const afterRead = (database: Database) => {
    if (depth > 0 || written) return
    written = true
    const { updateSeq } = database.facts()
    void database.write(edits)
    const end = Date.now() + OTHERS_WRITE
    while (database.facts().updateSeq < updateSeq + edits.length && Date.now() < end) pause()
  }
  const database = (name: string) => {
    const real = store.database(name)
    if (real === undefined) return undefined
    const page = <Result>(read: () => Result): Result => {
      depth++
      try {
        return read()
      } finally {
        depth--
        afterRead(real)
      }
    }
    return replaced(real, {
      atOnce: read => page(() => real.atOnce(read)),
      docs: query => page(() => real.docs(query)),
      changes: query => page(() => real.changes(query)),
    })
  }
  return { store: replaced(store, { database }), hasWritten: () => written }
}

function replaced<Whole extends object>(whole: Whole, members: Partial<Whole>): Whole {
  return new Proxy(whole, {
    get: (target, name) => {
      const own = Reflect.get(members, name)
      if (own !== undefined) return own
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
}

/** A document with an attachment and a conflict; the edits make a successor of its winner, and end the conflict. */
async function conflicted(name: string): Promise<readonly Edit[]> {
  const pouch = open(name)
  const _attachments = { a: { content_type: 'text/plain', data: Buffer.from(ATTACHED).toString('base64') } }
  const docs = [
    { _id: 'x', _rev: '1-b', _attachments },
    { _id: 'x', _rev: '1-a' },
  ]
  await pouch.bulkDocs(docs, { new_edits: false })
  await store.database(name)?.setRevsLimit(1)
  const edit = { id: 'x', kind: 'interactive', body: '{}' } as const
  return [
    { ...edit, parent: '1-b', deleted: false },
    { ...edit, parent: '1-a', deleted: true },
  ]
}

const wanted = { include_docs: true, attachments: true, conflicts: true } as const
const doc = {
  _rev: '1-b',
  _conflicts: ['1-a'],
  _attachments: { a: { data: Buffer.from(ATTACHED).toString('base64'), stub: undefined } },
}

type Pouch = ReturnType<typeof open>
const reads: Record<string, (pouch: Pouch) => Promise<{ readonly rows: readonly object[] }>> = {
  'a listing': pouch => pouch.allDocs(wanted),
  'a listing of named documents': pouch => pouch.allDocs({ ...wanted, keys: ['x'] }),
  'a feed': async pouch => ({ rows: (await pouch.changes(wanted)).results }),
}

for (const [what, read] of Object.entries(reads)) {
  t.test(
    `${what} has the revisions, conflicts and bytes of one moment, whatever is dropped then`,
    async t => {
      const name = what.replaceAll(' ', '-')
      const rival = rivalOf(await conflicted(name))
      t.match(await read(pouchOn(rival.store, name)), { rows: [{ id: 'x', doc }] })
      t.ok(rival.hasWritten())
      t.match(await open(name).get('x', { conflicts: true }), { _rev: /^2-/, _conflicts: undefined })
      await t.rejects(open(name).get('x', { rev: '1-b' }), { name: 'not_found' })
    },
  )
}
