import t from 'tap'
import {
  conflictsMember,
  deletedConflictsMember,
  docText,
  localSeqMember,
  revisionsMember,
} from '../../../../server/couch/content/doc-text.ts'
import type { Revision } from '../../../../server/store/store.ts'

const LIVE: Revision = { rev: '1-a', deleted: false, body: '{"b":1}', attachments: undefined }

t.test('the body is spliced in as it is stored', async t => {
  t.equal(docText('é"', LIVE), '{"_id":"é\\"","_rev":"1-a","b":1}')
  t.equal(docText('a', { ...LIVE, body: '{}' }), '{"_id":"a","_rev":"1-a"}')
  t.equal(docText('a', { ...LIVE, deleted: true }), '{"_id":"a","_rev":"1-a","_deleted":true,"b":1}')
})

t.test('what else is known of a document stands before its body', async t => {
  const leaves = [
    { rev: '2-c', deleted: false },
    { rev: '2-b', deleted: false },
    { rev: '3-d', deleted: true },
  ]
  const members = [
    revisionsMember({ start: 2, ids: ['c', 'a'] }),
    conflictsMember(leaves),
    deletedConflictsMember(leaves),
    localSeqMember(7),
  ].join('')
  t.strictSame(JSON.parse(docText('x', LIVE, members)), {
    _id: 'x',
    _rev: '1-a',
    _revisions: { start: 2, ids: ['c', 'a'] },
    _conflicts: ['2-b'],
    _deleted_conflicts: ['3-d'],
    _local_seq: 7,
    b: 1,
  })
})

t.test('without conflicts there is no member for them', async t => {
  t.equal(conflictsMember([{ rev: '1-a', deleted: false }]), '')
})

t.test('attachments are stubs', async t => {
  const attachment = { name: 'a"b', contentType: 'text/plain', digest: 'md5-x==', length: 3, revpos: 2 }
  t.strictSame(JSON.parse(docText('x', { ...LIVE, attachments: [attachment] }))._attachments, {
    'a"b': { content_type: 'text/plain', revpos: 2, digest: 'md5-x==', length: 3, stub: true },
  })
})
