import t from 'tap'
import { adminDatabase } from '../../../fixtures/http-client.ts'
import { rounds } from '../../../fixtures/rounds.ts'
import { runningServer } from '../../../fixtures/running-server.ts'

const BODY = 'x'.repeat(20_000)

t.test(
  'while a document is written and compacted without a pause, every read is a complete revision',
  async t => {
    const server = await runningServer(t)
    const database = await adminDatabase(server, 'busy')
    await database.put('/_revs_limit', 1)
    let rev = (await database.put('/a', docOf(0))).json.rev
    let isWriting = true
    const write = async () => {
      for (let n = 1; isWriting; n++) {
        const { status, json } = await database.put(`/a?rev=${rev}`, docOf(n))
        if (status !== 201) throw new Error(`a write was answered ${status}`)
        rev = json.rev
      }
    }
    const compact = async () => {
      while (isWriting) await database.post('/_compact', {})
    }
    const writing = [write(), compact()]
    const reads = {
      get: async () => (await database.get('/a')).json,
      attachments: async () => (await database.get('/a?attachments=true')).json,
      open: async () => (await database.get('/a?open_revs=all')).json[0].ok,
      bulk: async () =>
        (await database.post('/_bulk_get?attachments=true', { docs: [{ id: 'a' }] })).json.results[0].docs[0]
          .ok,
      bulkLatest: async () =>
        (await database.post('/_bulk_get?latest=true&revs=true', { docs: [{ id: 'a', rev }] })).json
          .results[0].docs[0],
      all: async () =>
        (await database.get('/_all_docs?include_docs=true&conflicts=true&attachments=true')).json.rows[0].doc,
      keys: async () =>
        (await database.post('/_all_docs?include_docs=true', { keys: ['a'] })).json.rows[0].doc,
      changes: async () =>
        (await database.get('/_changes?include_docs=true&attachments=true&style=all_docs')).json.results[0]
          .doc,
      bytes: async () => ({
        text: BODY,
        _attachments: { a: { data: Buffer.from((await database.get('/a/a')).text).toString('base64') } },
        _rev: '2-x',
      }),
    }
    try {
      for (let n = 0; n < rounds(25, 500); n++) {
        await Promise.all(Object.entries(reads).map(async ([name, read]) => check(name, await read())))
      }
    } finally {
      isWriting = false
      await Promise.all(writing)
    }

    function check(name: string, doc: { [member: string]: unknown }): void {
      if (name === 'bulkLatest') {
        // A rev that is forgotten when it is asked for is missing, and nothing else.
        t.match(
          doc,
          doc.ok ? { ok: { text: BODY } } : { error: { error: 'not_found', reason: 'missing' } },
          name,
        )
        return
      }
      t.match(doc, { _rev: /^\d+-/, text: BODY }, name)
      t.equal(doc._conflicts, undefined, name)
      if (!['get', 'open', 'keys'].includes(name))
        t.match(doc, { _attachments: { a: { data: /^YXR0YWNoZWQg/ } } }, name)
    }
  },
)

function docOf(n: number) {
  const data = Buffer.from(`attached ${n}`).toString('base64')
  return { n, text: BODY, _attachments: { a: { content_type: 'text/plain', data } } }
}
