import t from 'tap'
import { columnsOf } from '../../../bridge/mapping/columns.ts'
import type { DocVersion } from '../../../bridge/mapping/row.ts'
import { entities } from '../../../design-docs/catalogue.ts'
import { checkDoc } from '../../../design-docs/check-doc.ts'
import { account } from '../../../design-docs/entities/account.ts'
import { gamificationStats } from '../../../design-docs/entities/gamification-stats.ts'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import { record } from '../../../design-docs/entities/record.ts'
import { superset } from '../../../design-docs/entities/superset.ts'
import type { Entity } from '../../../design-docs/entity.ts'
import type { JsonObject } from '../../../design-docs/json-object.ts'
import { listRowId, rowId } from '../../../design-docs/row-id.ts'
import { leastDoc, randomDoc, randomFrom, UUID } from '../../design-docs/random-docs.ts'
import { type Row, rowsOf as rowsIfFit } from '../../fixtures/decoded-rows.ts'

const USER = '11111111-2222-4333-8444-555555555555'
const version = { userUuid: USER, rev: '3-abc', seq: '17-e' }

function rowsOf(entity: Entity, version: DocVersion): Row[] {
  const rows = rowsIfFit(entity, version)
  if (rows === undefined) throw new Error('the document does not fit its description')
  return rows
}

t.test('a document has rows exactly where the check finds no problem', async t => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = randomFrom(seed)
  const differ: JsonObject[] = []
  for (const entity of entities) {
    for (let round = 0; round < 150; round++) {
      // As the feed brings it: parsed, so nothing is inherited and nothing undefined.
      const doc: JsonObject = JSON.parse(JSON.stringify(randomDoc(entity, random)))
      const fits = checkDoc(entity, doc).length === 0
      const both = [doc, { ...doc, deletedAt: random() < 0.5 ? 1.5 : 15 }]
      if (fits !== (rowsIfFit(entity, { ...version, doc }) !== undefined)) differ.push(doc)
      for (const deleted of both) {
        const mayFit = checkDoc(entity, deleted).length === 0
        const rows = rowsIfFit(entity, { ...version, doc: deleted })
        if (mayFit !== (rows !== undefined)) differ.push(deleted)
      }
    }
  }
  t.same(differ.slice(0, 2), [])
})

t.test('a row has exactly the columns of its table', async t => {
  for (const entity of entities) {
    const [row = {}] = rowsOf(entity, { ...version, doc: leastDoc(entity) })
    t.same(
      Object.keys(row).sort(),
      columnsOf(entity)
        .map(column => column.name)
        .sort(),
      entity.table,
    )
  }
})

t.test('members become columns, what is absent or null its default or null', async t => {
  const doc = {
    _id: 'superset:phone:7',
    clientId: '7',
    deviceId: 'phone',
    routineId: UUID,
    name: "O'Neil",
    colorIndex: null,
    orderIndex: 5,
    createdAt: 0,
    updatedAt: 1_700_000_000_123,
    unknown: 'kept elsewhere',
  }
  t.strictSame(rowsOf(superset, { ...version, doc }), [
    {
      id: rowId(USER, 'superset:phone:7'),
      user_id: USER,
      routine_id: UUID,
      client_id: '7',
      device_id: 'phone',
      deleted_at: null,
      name: "O'Neil",
      color_index: 0,
      rest_between_seconds: 10,
      order_index: 5,
      created_at: '1970-01-01T00:00:00.000Z',
      updated_at: '2023-11-14T22:13:20.123Z',
      doc_id: 'superset:phone:7',
      rev: '3-abc',
      update_seq: '17-e',
    },
  ])
})

t.test('a body says when it was deleted', async t => {
  const doc = { ...leastDoc(record), deletedAt: 1000 }
  t.equal(rowsOf(record, { ...version, doc })[0]?.deleted_at, '1970-01-01T00:00:01.000Z')
})

t.test('a table without deleted_at gets none', async t => {
  const doc = { ...leastDoc(gamificationStats), deletedAt: 1 }
  const [row = {}] = rowsOf(gamificationStats, { ...version, doc })
  t.notOk(Object.hasOwn(row, 'deleted_at'))
})

t.test('each sample is a row with an id of its own', async t => {
  const doc = { ...leastDoc(metrics), samples: [{ timestamp: 1, load: 2.5 }, { timestamp: 1 }] }
  const id = `metrics:${UUID}:0`
  const rows = rowsOf(metrics, { ...version, doc })
  t.match(rows, [
    {
      id: listRowId(USER, id, 0),
      user_id: USER,
      session_id: UUID,
      timestamp: 1,
      load: 2.5,
      status: 0,
      doc_id: id,
    },
    {
      id: listRowId(USER, id, 1),
      user_id: USER,
      session_id: UUID,
      timestamp: 1,
      load: null,
      status: 0,
      doc_id: id,
    },
  ])
  t.equal(rows.length, 2)
  t.same(rowsOf(metrics, { ...version, doc: { ...doc, samples: [] } }), [])
})

t.test('the row of an account is the user', async t => {
  const [row = {}] = rowsOf(account, {
    ...version,
    doc: { ...leastDoc(account), userId: UUID.toUpperCase() },
  })
  t.equal(row.id, UUID)
  t.notOk(Object.hasOwn(row, 'user_id'))
})
