import t from 'tap'
import { divanPouch } from '../../fixtures/divan-pouch.ts'
import type { Content } from '../../fixtures/phone.ts'

const { open, store } = await divanPouch(t)
const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251))

t.test('bytes go in as they are or as base64, and come out as either', async t => {
  const pouch = open('forms')
  const photo = { content_type: 'image/png', data: BYTES }
  const note = { content_type: 'text/plain', data: Buffer.from('é').toString('base64') }
  const { rev } = await pouch.put({ _id: 'x', _attachments: { photo, note } })
  t.match(await pouch.get('x'), {
    _attachments: {
      photo: { content_type: 'image/png', stub: true, length: BYTES.length, revpos: 1, digest: /^md5-/ },
      note: { stub: true, length: 2 },
    },
  })
  const filled = (await pouch.get('x', { attachments: true }))._attachments?.photo
  t.match(filled, { data: BYTES.toString('base64') })
  t.notOk(filled !== undefined && 'stub' in filled)
  const binary = await pouch.getAttachment('x', 'photo', { rev })
  t.ok(BYTES.equals(binary as Buffer))
  t.equal((binary as Buffer & { type: string }).type, 'image/png')
  await t.rejects(pouch.getAttachment('x', 'none'), { name: 'not_found' })
  const wrong = { content_type: 'text/plain', data: 'no base64!' }
  await t.rejects(pouch.put({ _id: 'y', _attachments: { wrong } }), { name: 'badarg' })
})

t.test('a stub stands for what the document has; one that stands for nothing is refused', async t => {
  const pouch = open('stubs')
  await pouch.putAttachment('x', 'a.txt', Buffer.from('one'), 'text/plain')
  const doc = await pouch.get('x')
  await pouch.put({ ...doc, changed: true })
  t.match(await pouch.get('x', { attachments: true }), {
    _attachments: { 'a.txt': { data: 'b25l', revpos: 1 } },
  })
  const unknown = { stub: true, content_type: 'text/plain', digest: 'md5-AAAAAAAAAAAAAAAAAAAAAA==' }
  const refused = { _id: 'y', _attachments: { unknown } } as unknown as PouchDB.Core.PutDocument<Content>
  await t.rejects(pouch.put(refused), { name: 'missing_stub' })
  await pouch.removeAttachment('x', 'a.txt', (await pouch.get('x'))._rev)
  t.equal((await pouch.get('x'))._attachments, undefined)
})

t.test('feeds and listings carry the bytes if they are asked to', async t => {
  const pouch = open('feeds')
  await pouch.putAttachment('x', 'a.txt', Buffer.from('one'), 'text/plain')
  const wanted = { include_docs: true, attachments: true } as const
  const doc = { _attachments: { 'a.txt': { content_type: 'text/plain', data: 'b25l' } } }
  t.match(await pouch.allDocs(wanted), { rows: [{ doc }] })
  t.match(await pouch.changes(wanted), { results: [{ doc }] })
  t.match(await pouch.bulkGet({ docs: [{ id: 'x' }], attachments: true }), {
    results: [{ docs: [{ ok: doc }] }],
  })
  t.equal(store.database('feeds')?.facts().docCount, 1)
})
