import { createHash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { AttachmentEdit, Database, Upload } from '../../../../server/store/store.ts'
import { eventually } from '../../../fixtures/eventually.ts'
import { interactive, replicated, type Subject, store, writeOne } from './subject.ts'

/** Attachments are stored once by digest; stubs stand for what is there, uploads for what came before its document. */
export async function attachmentsSuite(t: Test, subject: Subject): Promise<void> {
  await t.test('whole or as stubs', t => wholes(t, subject))
  await t.test('uploads', t => uploads(t, subject))
}

async function wholes(t: Test, { newDatabase }: Subject): Promise<void> {
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

async function uploads(t: Test, subject: Subject): Promise<void> {
  const { newDatabase } = subject
  await t.test('an upload becomes an attachment with the edit that names it', async t => {
    const database = await newDatabase()
    for (const length of [0, 1, 256 * 1024, 1024 * 1024, 3_000_001]) {
      const data = randomBytes(length)
      const upload = database.upload()
      for (let at = 0; at < length; at += 70_000) await upload.write(data.subarray(at, at + 70_000))
      const finished = await upload.finish()
      t.match(finished, { digest: digestOf(data), length })
      t.equal(database.attachment(digestOf(data)), undefined, 'no document has it yet')
      const rev = await store(
        database,
        interactive(`doc${length}`, undefined, { attachments: [uploaded('a', finished)] }),
      )
      await upload.close()
      t.same(revision(database, `doc${length}`, rev)?.attachments, [
        { name: 'a', contentType: 'text/plain', digest: digestOf(data), length, revpos: 1 },
      ])
      t.ok(read(database, digestOf(data)).equals(data), `${length} bytes`)
    }
    t.match(database.facts(), { storedBytes: 5 * 2 + 1 + 256 * 1024 + 1024 * 1024 + 3_000_001 })
  })

  await t.test('one write of many pieces waits for room and comes whole', async t => {
    const database = await newDatabase()
    const data = randomBytes(9_000_000)
    const upload = await uploadOf(database, data)
    await store(database, interactive('a', undefined, { attachments: [uploaded('x', upload.finished)] }))
    await upload.close()
    t.ok(read(database, digestOf(data)).equals(data))
  })

  await t.test('an upload of bytes that are there already takes no room', async t => {
    const database = await newDatabase()
    const data = randomBytes(300_000)
    await store(database, interactive('a', undefined, { attachments: [whole('x', data)] }))
    const upload = await uploadOf(database, data)
    await store(database, interactive('b', undefined, { attachments: [uploaded('x', upload.finished)] }))
    await upload.close()
    t.match(database.facts(), { activeBytes: 600_004, storedBytes: 300_004 })
    t.ok(read(database, digestOf(data)).equals(data))
  })

  await t.test(
    'a large attachment that comes with its edit lets the writes of others in between',
    async t => {
      const [large, small] = [await newDatabase(), await newDatabase()]
      const data = randomBytes(20_000_000)
      const order: string[] = []
      const edits = [
        interactive('before'),
        interactive('a', undefined, { attachments: [whole('x', data), whole('y', Buffer.from('y'))] }),
        interactive('after'),
      ]
      const writing = large.write(edits).then(outcomes => {
        order.push('large')
        return outcomes
      })
      await store(small, interactive('b')).then(() => order.push('small'))
      t.match(await writing, [
        { ok: true, id: 'before' },
        { ok: true, id: 'a' },
        { ok: true, id: 'after' },
      ])
      t.same(order, ['small', 'large'])
      t.same(
        large.changes({ after: 0, limit: 9 }).map(({ id }) => id),
        ['before', 'a', 'after'],
      )
      t.match(revision(large, 'a', large.doc('a')?.tree.winner.rev ?? '')?.attachments, [
        { name: 'x', digest: digestOf(data), revpos: 1, length: 20_000_000 },
        { name: 'y', length: 1 },
      ])
      t.ok(read(large, digestOf(data)).equals(data))
    },
  )

  await t.test('several names, edits and documents may have one upload', async t => {
    const database = await newDatabase()
    const data = randomBytes(300_000)
    const upload = await uploadOf(database, data)
    const attachments = [uploaded('x', upload.finished), uploaded('y', upload.finished)]
    const outcomes = await database.write(['a', 'b'].map(id => interactive(id, undefined, { attachments })))
    t.match(outcomes, [{ ok: true }, { ok: true }])
    await upload.close()
    t.match(
      await writeOne(database, interactive('c', undefined, { attachments })),
      { ok: true },
      'by its digest',
    )
    t.match(database.facts(), { storedBytes: 300_006 })
  })

  await t.test('what was given up cannot be named any more', async t => {
    const database = await newDatabase()
    const upload = await uploadOf(database, randomBytes(300_000))
    await upload.close()
    await eventually(async () => {
      const edit = interactive('a', undefined, { attachments: [uploaded('x', upload.finished)] })
      const outcome = await writeOne(database, edit)
      if (outcome.ok) throw new Error('an upload that was given up became an attachment')
      return outcome.error === 'missing_stub'
    }, 'a refusal')
    t.equal(database.doc('a'), undefined)
    t.match(database.facts(), { storedBytes: 0 })
  })

  await t.test('an upload of one database is nothing to another', async t => {
    const [mine, theirs] = [await newDatabase(), await newDatabase()]
    const upload = await uploadOf(mine, randomBytes(1000))
    const edit = interactive('a', undefined, { attachments: [uploaded('x', upload.finished)] })
    t.match(await writeOne(theirs, edit), { ok: false, error: 'missing_stub' })
    t.match(await writeOne(mine, edit), { ok: true })
    await upload.close()
    t.match(await writeOne(theirs, edit), { ok: false, error: 'missing_stub' })
  })

  await t.test('a refused edit leaves its upload to the next try', async t => {
    const database = await newDatabase()
    await store(database, interactive('a'))
    const data = randomBytes(300_000)
    const upload = await uploadOf(database, data)
    const attachments = [uploaded('x', upload.finished)]
    const stale = interactive('a', undefined, { attachments })
    t.match(await writeOne(database, stale), { ok: false, error: 'conflict' })
    t.equal(database.attachment(digestOf(data)), undefined)
    const parent = database.doc('a')?.tree.winner.rev
    await store(database, interactive('a', parent, { attachments }))
    await upload.close()
    t.ok(read(database, digestOf(data)).equals(data))
  })

  await t.test('a replicated edit takes an upload with the revpos that it names', async t => {
    const database = await newDatabase()
    const upload = await uploadOf(database, randomBytes(1000))
    const attachments = [{ ...uploaded('x', upload.finished), revpos: 2 }]
    await store(database, replicated('a', ['3-c', 'b', 'a'], { attachments }))
    await upload.close()
    t.match(revision(database, 'a', '3-c')?.attachments, [{ revpos: 2, length: 1000 }])
  })

  await t.test('an upload ends with its database', async t => {
    const database = await newDatabase()
    const upload = database.upload()
    await upload.write(randomBytes(1_100_000))
    await subject.store.deleteDatabase(database.name)
    await t.rejects(
      async () => {
        for (let n = 0; n < 5; n++) await upload.write(randomBytes(1_100_000))
        await upload.finish()
      },
      { name: 'CouchError', word: 'not_found' },
    )
    await upload.close()
    t.throws(() => database.upload(), { name: 'CouchError', word: 'not_found' })
  })
}

/** The bytes sent, and the upload still to be closed. */
async function uploadOf(database: Database, data: Uint8Array) {
  const upload = database.upload()
  await upload.write(data)
  return { finished: await upload.finish(), close: () => upload.close() }
}

function uploaded(name: string, upload: Upload): AttachmentEdit {
  return { name, contentType: 'text/plain', upload }
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
