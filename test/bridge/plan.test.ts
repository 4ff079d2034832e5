import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { Change } from '../../bridge/changes-feed.ts'
import { emptyPlan, type Plan, planChange } from '../../bridge/plan.ts'
import type { Source } from '../../bridge/source.ts'
import { sourceOf } from '../../bridge/source.ts'
import { metricsDbName, userDbName } from '../../design-docs/user-db.ts'
import { sessionDoc } from '../fixtures/workout.ts'

const sub = randomUUID()
const main: Source = { database: userDbName(sub), kind: 'main', userUuid: sub }

function change(members: Partial<Change> & { readonly id: string }): Change {
  return {
    seq: '1-a',
    revs: ['1-a'],
    deleted: false,
    doc: undefined,
    lastLive: undefined,
    time: 1000,
    ...members,
  }
}

function live(doc: { readonly _id: string }, members: Partial<Change> = {}): Change {
  return change({ id: doc._id, doc: { ...doc, _rev: '1-a' }, ...members })
}

t.test('a database is of a user, of his samples, of the accounts, or not mirrored', async t => {
  t.strictSame(sourceOf(userDbName(sub)), main)
  t.strictSame(sourceOf(metricsDbName(sub)), { database: metricsDbName(sub), kind: 'metrics', userUuid: sub })
  t.strictSame(sourceOf('_users'), { database: '_users', kind: 'accounts', userUuid: '' })
  for (const name of ['_replicator', 'other', 'userdb-', 'userdb-zz', userDbName('x'.repeat(3000))]) {
    t.equal(sourceOf(name), undefined)
  }
})

function planOf(...changes: readonly Change[]): Plan {
  const plan = emptyPlan(main)
  for (const change of changes) planChange(plan, change)
  return plan
}

t.test('design documents are nobody’s rows', async t => {
  const plan = planOf(live({ _id: '_design/x' }), change({ id: '_design/y', deleted: true }))
  t.strictSame([plan.deadLetters, plan.settled, plan.tables.size], [[], [], 0])
})

t.test('an id that Postgres cannot store touches no table, alive or deleted', async t => {
  const ids = ['session:a\0b', 'session:\ud83d']
  const changes = ids.flatMap(id => [
    live({ ...sessionDoc(), _id: id }),
    change({ id: `${id}2`, deleted: true }),
  ])
  const plan = planOf(...changes)
  t.strictSame(
    plan.deadLetters.map(letter => letter.change.id),
    ids,
  )
  t.strictSame(plan.tables.size, 0)
})

t.test('a change without a body is a dead letter, not a crash', async t => {
  const plan = planOf(change({ id: sessionDoc()._id }))
  t.match(plan.deadLetters, [{ rev: '1-a', problem: { reason: /./ } }])
})
