import t from 'tap'
import { checkDoc } from '../../design-docs/check-doc.ts'
import type { Doc } from '../../design-docs/doc.ts'
import { account } from '../../design-docs/entities/account.ts'
import { metrics } from '../../design-docs/entities/metrics.ts'
import { routine } from '../../design-docs/entities/routine.ts'
import { UUID } from './random-docs.ts'

t.test('the types of documents are those the check accepts', async t => {
  const aRoutine: Doc<typeof routine> = {
    _id: `routine:${UUID}`,
    type: 'routine',
    clientId: UUID,
    name: 'Push',
    lastUsed: null,
    createdAt: 1,
    updatedAt: 2,
  }
  const chunk: Doc<typeof metrics> = {
    _id: `metrics:${UUID}:0`,
    type: 'metrics',
    sessionId: UUID,
    samples: [{ timestamp: 1, load: 2.5 }],
  }
  const anAccount: Doc<typeof account> = {
    _id: 'org.couchdb.user:a@b.c',
    type: 'user',
    userId: UUID,
    passwordHash: 'x',
    createdAt: 1,
  }
  t.same(checkDoc(routine, aRoutine), [])
  t.same(checkDoc(metrics, chunk), [])
  t.same(checkDoc(account, anAccount), [])
})

t.test('the types of documents refuse what the check refuses', async t => {
  // @ts-expect-error: `updatedAt` is required.
  const withoutTime: Doc<typeof routine> = { _id: '', type: 'routine', clientId: '', name: '', createdAt: 1 }
  // @ts-expect-error: a name is text.
  const name: Doc<typeof routine>['name'] = 1
  // @ts-expect-error: `useCount` is a number.
  const useCount: Doc<typeof routine>['useCount'] = 'many'
  // @ts-expect-error: another type.
  const type: Doc<typeof routine>['type'] = 'session'
  // @ts-expect-error: samples have times.
  const samples: Doc<typeof metrics>['samples'] = [{}]
  t.ok([withoutTime, name, useCount, type, samples])
})
