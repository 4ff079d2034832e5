import { createHash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { AttachmentEdit, Database } from '../../../../server/store/store.ts'
import { interactive, replicated, type Subject, store, writeOne } from './subject.ts'

/** Attachments are stored once by digest; stubs stand for what is there. */
export async function attachmentsSuite(t: Test, { newDatabase }: Subject): Promise<void> {
  await t.test('bytes come back as they were given, with digest, length and revpos', async t => {
    const database = await newDatabase()
    for (const length of [0, 1, 1000, 256 * 1024, 700_001]) {
      const data = randomBytes(length)
      const rev = await store(
        database,
        interactive(`doc${length}`, undefined, { attachments: [whole('a', data)] }),
      )
      const attachments = revision(database, `doc${length}`, rev)?.attachments
      t.same(attachments, [
        { name: 'a', contentType: 'text/plain', digest: digestOf(data), length, revpos: 1 },
      ])
      t.ok(read(database, digestOf(data)).equals(data), `${length} bytes`)
    }
    t.equal(database.attachment('md5-nothing'), undefined)
  })

  await t.test('a range of bytes is read on its own', async t => {
    const database = await newDatabase()
    const data = randomBytes(600_000)
    await store(database, interactive('a', undefined, { attachments: [whole('a', data)] }))
    const bytes = database.attachment(digestOf(data))
    for (const [start, end] of [
      [0, 10],
      [262_143, 262_145],
      [262_144, 524_288],
      [599_999, 700_000],
      [5, 5],
    ] as const) {
      const range = Buffer.concat([...(bytes?.read({ start, end }) ?? [])])
      t.ok(range.equals(data.subarray(start, end)), `${start} to ${end}`)
    }
  })

  await t.test('equal bytes are stored once', async t => {
    const database = await newDatabase()
    const data = randomBytes(5000)
    await database.write(
      ['a', 'b', 'c'].map(id => interactive(id, undefined, { attachments: [whole('x', data)] })),
    )
    t.match(database.facts(), { activeBytes: 15_006, storedBytes: 5006 })
  })

  await t.test('a stub of an edit means what its parent has under that name', async t => {
    const database = await newDatabase()
    const data = Buffer.from('first')
    const first = await store(database, interactive('a', undefined, { attachments: [whole('x', data)] }))
    const fresh = whole('y', Buffer.from('second'))
    const second = await store(database, interactive('a', first, { attachments: [stub('x'), fresh] }))
    t.match(revision(database, 'a', second)?.attachments, [
      { name: 'x', digest: digestOf(data), revpos: 1, contentType: 'text/plain', length: 5 },
      { name: 'y', revpos: 2, length: 6 },
    ])
    t.match(await writeOne(database, interactive('a', second, { attachments: [stub('z')] })), {
      error: 'missing_stub',
      reason: 'Invalid attachment stub in a for z',
    })
    const third = await store(database, interactive('a', second, {}))
    t.equal(revision(database, 'a', third)?.attachments, undefined, 'what is not named is gone')
    t.match(await writeOne(database, interactive('a', third, { attachments: [stub('x')] })), {
      error: 'missing_stub',
    })
    const fourth = await store(
      database,
      interactive('a', third, { attachments: [stub('x', digestOf(data))] }),
    )
    t.match(
      revision(database, 'a', fourth)?.attachments,
      [{ digest: digestOf(data) }],
      'a known digest is enough',
    )
  })

  await t.test(
    'a replicated stub means what the database has by its digest, or an ancestor by its name',
    async t => {
      const database = await newDatabase()
      const data = Buffer.from('shared')
      await store(database, replicated('a', ['1-a'], { attachments: [{ ...whole('x', data), revpos: 1 }] }))
      await store(
        database,
        replicated('a', ['3-c', 'b', 'a'], { attachments: [{ ...stub('x', digestOf(data)), revpos: 1 }] }),
      )
      await store(database, replicated('a', ['4-d', 'c', 'b', 'a'], { attachments: [stub('x')] }))
      t.match(revision(database, 'a', '3-c')?.attachments, [
        { name: 'x', revpos: 1, digest: digestOf(data), length: 6 },
      ])
      t.match(revision(database, 'a', '4-d')?.attachments, [
        { name: 'x', revpos: 1, digest: digestOf(data), length: 6 },
      ])
      const unknown = replicated('b', ['1-a'], { attachments: [stub('x', 'md5-unknown')] })
      t.match(await writeOne(database, unknown), { ok: false, error: 'missing_stub' })
      t.equal(database.doc('b'), undefined)
      const again = replicated('a', ['4-d', 'c', 'b', 'a'], { attachments: [stub('z', 'md5-unknown')] })
      t.match(await writeOne(database, again), { ok: true }, 'what is stored already needs nothing')
    },
  )

  await t.test('bytes have the digest that they are found to have, whatever is claimed', async t => {
    const database = await newDatabase()
    const data = Buffer.from('the bytes')
    const claimed = { ...whole('x', data), digest: digestOf(Buffer.from('others')) }
    const rev = await store(database, interactive('a', undefined, { attachments: [claimed] }))
    t.match(revision(database, 'a', rev)?.attachments, [{ digest: digestOf(data) }])
    t.ok(read(database, digestOf(data)).equals(data))
    t.equal(database.attachment(claimed.digest), undefined)
  })

  await t.test('a small view on a large buffer is stored for itself', async t => {
    const database = await newDatabase()
    const large = randomBytes(1_000_000)
    const view = large.subarray(10, 20)
    await store(database, interactive('a', undefined, { attachments: [whole('x', view)] }))
    t.ok(read(database, digestOf(view)).equals(view))
    t.equal(view.byteLength, 10, "the caller's bytes stay his")
  })
}

function whole(name: string, data: Uint8Array): AttachmentEdit {
  return { name, contentType: 'text/plain', data }
}

function stub(name: string, digest?: string): AttachmentEdit {
  return { name, contentType: 'text/plain', digest }
}

function digestOf(data: Uint8Array): string {
  return `md5-${createHash('md5').update(data).digest('base64')}`
}

function read(database: Database, digest: string): Buffer {
  return Buffer.concat([...(database.attachment(digest)?.read() ?? [])])
}

function revision(database: Database, id: string, rev: string) {
  const doc = database.doc(id)
  return doc && database.revision(doc, rev)
}
