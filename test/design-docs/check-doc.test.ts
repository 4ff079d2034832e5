import t from 'tap'
import { entities, entityOfType } from '../../design-docs/catalogue.ts'
import { checkDoc } from '../../design-docs/check-doc.ts'
import { account } from '../../design-docs/entities/account.ts'
import { device } from '../../design-docs/entities/device.ts'
import { gamificationStats } from '../../design-docs/entities/gamification-stats.ts'
import { metrics } from '../../design-docs/entities/metrics.ts'
import { phaseStat } from '../../design-docs/entities/phase-stat.ts'
import { record } from '../../design-docs/entities/record.ts'
import { routine } from '../../design-docs/entities/routine.ts'
import { session } from '../../design-docs/entities/session.ts'
import type { Entity } from '../../design-docs/entity.ts'
import { leastDoc, pick, randomDoc, randomFrom, UUID } from './random-docs.ts'

interface Case {
  readonly about: string
  readonly entity: Entity
  /** Laid over a document with the required members alone; undefined removes a member. */
  readonly change: Change
  /** What the one problem says, as `path: reason`. */
  readonly problem: RegExp | undefined
}

type Change = { readonly [member: string]: unknown }

function good(about: string, entity: Entity, change: Change): Case {
  return { about, entity, change, problem: undefined }
}

function bad(about: string, entity: Entity, change: Change, problem: RegExp): Case {
  return { about, entity, change, problem }
}

function docOf({ entity, change }: Pick<Case, 'entity' | 'change'>): unknown {
  const changed = Object.entries({ ...leastDoc(entity), ...change })
  return Object.fromEntries(changed.filter(([, value]) => value !== undefined))
}

const sample = { timestamp: 1 }
const emoji = '\u{1f600}'

const GOOD: readonly Case[] = [
  good('numbers whose fraction is zero', session, { targetReps: 5.0, duration: -0 }),
  good('members no description knows', session, { colour: { a: ['\0'] }, _attachments: {} }),
  good('null where a default stands in', session, { warmupReps: null, isJustLift: null }),
  good('null where nothing stands in', session, { rpe: null, deviceId: null }),
  good('no type beside the id', session, { type: undefined }),
  good('its type repeated', session, { type: 'session' }),
  good('a mark of deletion while alive', session, { deletedAt: 1_700_000_000_000 }),
  good('another device than the one in the id', record, { _id: 'record:a:1', clientId: '1', deviceId: 'b' }),
  good('a client id with colons', record, { _id: 'record:a:1:2', clientId: '1:2' }),
  good('a UUID in capitals with its lower-cased id', session, { clientId: UUID.toUpperCase() }),
  good('a reference to a scoped parent', record, { sessionId: 'phone:12' }),
  good('the edges of an integer', session, { targetReps: 2 ** 31 - 1, duration: -(2 ** 31) }),
  good('the edges of a long', session, { timestamp: Number.MAX_SAFE_INTEGER }),
  good('the least and greatest double', session, {
    weightPerCableKg: 5e-324,
    progressionKg: -1.7976931348623157e308,
  }),
  good('the edges of a time', session, { createdAt: -210_866_803_200_000, updatedAt: 8.64e15 }),
  good('as many characters as fit, each two code units', session, { mode: emoji.repeat(50) }),
  good('text of any length where none is set', routine, { description: 'x'.repeat(1e6) }),
  good('empty text', session, { mode: '' }),
  good('any client id on the singleton', gamificationStats, { clientId: '1' }),
  good('no samples', metrics, { samples: [] }),
  good('samples of a scoped session', metrics, { _id: 'metrics:phone:3:0', sessionId: 'phone:3' }),
  good('samples of a session whose UUID is in capitals', metrics, { sessionId: UUID.toUpperCase() }),
  good('the members CouchDB adds', account, { type: 'user', name: 'who', roles: [] }),
  good('an account without an email', account, { email: undefined }),
]

t.test('what real clients write has no problem', async t => {
  for (const entity of entities) t.same(checkDoc(entity, leastDoc(entity)), [], `the least ${entity.type}`)
  for (const each of GOOD) t.same(checkDoc(each.entity, docOf(each)), [], each.about)
})

const BAD: readonly Case[] = [
  bad('a missing member', session, { mode: undefined }, /^mode: .*required/),
  bad('null where it is required', session, { createdAt: null }, /^createdAt: .*required/),
  bad('no client id', session, { clientId: undefined }, /^clientId: .*required/),
  bad('text for a number', session, { targetReps: '5' }, /^targetReps: .*whole number, found text/),
  bad('a number for text', session, { mode: 5 }, /^mode: .*text, found a number/),
  bad('a number for a boolean', session, { isJustLift: 1 }, /^isJustLift: .*true or false/),
  bad('a list', session, { rpe: [] }, /^rpe: .*found a list/),
  bad('an object', session, { rpe: {} }, /^rpe: .*found an object/),
  bad('a fraction', session, { targetReps: 5.5 }, /^targetReps: .*fraction/),
  bad('an integer too large', session, { targetReps: 2 ** 31 }, /^targetReps: .*32-bit/),
  bad('an integer too small', session, { rpe: -(2 ** 31) - 1 }, /^rpe: .*32-bit/),
  bad('a long that is not exact', session, { timestamp: 2 ** 53 }, /^timestamp: .*exact/),
  bad('infinity', session, { weightPerCableKg: JSON.parse('1e999') }, /^weightPerCableKg: .*larger/),
  bad('infinity for an integer', session, { rpe: JSON.parse('-1e999') }, /^rpe: .*larger/),
  bad('text too long', session, { mode: 'x'.repeat(51) }, /^mode: .*51 characters; at most 50/),
  bad('text too long by characters', session, { mode: emoji.repeat(51) }, /^mode: .*51 characters/),
  bad('NUL', session, { mode: 'a\0b' }, /^mode: .*NUL/),
  bad('NUL where it may be null', session, { exerciseName: '\0' }, /^exerciseName: .*NUL/),
  bad('half a pair at the end', session, { mode: 'a\ud83d' }, /^mode: .*surrogate/),
  bad('halves in the wrong order', session, { mode: '\ude00\ud83d' }, /^mode: .*surrogate/),
  bad('NUL in a reference', record, { sessionId: '\0' }, /^sessionId: .*NUL/),
  bad('a reference too long', record, { sessionId: 'x'.repeat(601) }, /^sessionId: .*601 characters/),
  bad('a reference that is a number', phaseStat, { sessionId: 7 }, /^sessionId: .*found a number/),
  bad('a time before time', session, { createdAt: -210_866_803_200_001 }, /^createdAt: .*outside/),
  bad('a time after time', session, { updatedAt: 8.64e15 + 1 }, /^updatedAt: .*outside/),
  bad('a time that is no integer', session, { updatedAt: 1.5 }, /^updatedAt: .*fraction/),
  bad('a time as text', session, { createdAt: '2024-01-01T00:00:00Z' }, /^createdAt: .*found text/),
  bad('a wrong mark of deletion', session, { deletedAt: true }, /^deletedAt: .*milliseconds/),
  bad('a device id with a colon', session, { deviceId: 'a:b' }, /^deviceId: .*match/),
  bad('a device id too long', session, { deviceId: 'a'.repeat(65) }, /^deviceId: .*match/),
  bad('no id', session, { _id: undefined }, /^_id: .*found nothing/),
  bad('an id that is a number', session, { _id: 1 }, /^_id: .*found a number/),
  bad('NUL in an id', metrics, { _id: `metrics:${UUID}:\0` }, /^_id: .*NUL/),
  bad('half a pair in an id', metrics, { _id: `metrics:${UUID}:\ud800` }, /^_id: .*surrogate/),
  bad('an id too long', record, { _id: `record:a:${'x'.repeat(600)}` }, /^_id: .*at most 600/),
  bad('NUL in the rev', session, { _rev: '1-\0' }, /^_rev: .*NUL/),
  bad('an id of another type', session, { _id: `record:${UUID}` }, /^_id: .*type session/),
  bad('an id without a client id', session, { _id: 'session' }, /^_id: .*Expected session:/),
  bad('an id in capitals', session, { _id: `session:${UUID.toUpperCase()}` }, /^_id: .*lower case/),
  bad('an id without its device', record, { _id: 'record:1', clientId: '1' }, /^_id: .*<deviceId>/),
  bad('an id with a wrong device', record, { _id: 'record:my phone:1', clientId: '1' }, /^_id: .*<deviceId>/),
  bad('another type than its id says', session, { type: 'record' }, /^type: .*type session/),
  bad('a type that is no text', session, { type: {} }, /^type: .*type session/),
  bad('another client id', session, { clientId: '7' }, /^clientId: .*not the one/),
  bad('another scoped client id', record, { _id: 'record:a:1', clientId: '2' }, /^clientId: .*not the one/),
  bad('a second singleton', gamificationStats, { _id: 'gamificationStats:2' }, /^_id: .*one document/),
  bad('another device', device, { deviceId: 'phone-2' }, /^deviceId: .*not the one/),
  bad('a device without a name', device, { _id: 'device:' }, /^_id: .*device:<deviceId>/),
  bad('samples of another session', metrics, { sessionId: 'other' }, /^sessionId: .*not the one/),
  bad('no list of samples', metrics, { samples: undefined }, /^samples: .*list/),
  bad(
    'more samples than an app writes',
    metrics,
    { samples: new Array(30_001).fill({}) },
    /^samples: .*30000.*30001/,
  ),
  bad('an object for the samples', metrics, { samples: {} }, /^samples: .*list/),
  bad('a sample that is null', metrics, { samples: [sample, null] }, /^samples\[1\]: .*object/),
  bad(
    'a sample without its time',
    metrics,
    { samples: [sample, sample, {}] },
    /^samples\[2\]\.timestamp: .*required/,
  ),
  bad(
    'a sample with text in it',
    metrics,
    { samples: [{ ...sample, load: 'x' }] },
    /^samples\[0\]\.load: .*found text/,
  ),
  bad('an account without a user', account, { userId: undefined }, /^userId: .*required/),
  bad('an account whose user is no UUID', account, { userId: 'demo' }, /^userId: .*UUID/),
  bad('an account of another type', account, { type: 'org.couchdb.user' }, /^type: .*type user/),
]

t.test('what Postgres or the description refuses is one problem, with its path and reason', async t => {
  for (const each of BAD) {
    const problems = checkDoc(each.entity, docOf(each)).map(({ path, reason }) => `${path}: ${reason}`)
    t.match(problems, [each.problem], each.about)
    t.equal(problems.length, 1, each.about)
  }
})

t.test('all problems of a document are told together, up to a hundred', async t => {
  const two = docOf({ entity: session, change: { mode: 1, targetReps: 'x' } })
  t.same(
    checkDoc(session, two)
      .map(problem => problem.path)
      .sort(),
    ['mode', 'targetReps'],
  )
  const many = docOf({ entity: metrics, change: { samples: new Array(5000).fill({}) } })
  t.equal(checkDoc(metrics, many).length, 100)
})

t.test('a type that no description has is a problem', async t => {
  t.match(checkDoc(entityOfType('gym'), { _id: 'gym:1' }), [{ path: '_id', reason: /No description/ }])
})

t.test('no reason quotes the value, which may be secret', async t => {
  const doc = docOf({
    entity: account,
    change: { passwordHash: 'hunter2'.repeat(50), userId: 'hunter2' },
  })
  const problems = checkDoc(account, doc)
  t.equal(problems.length, 2)
  t.notMatch(JSON.stringify(problems), /hunter2/)
})

t.test('members of the prototype are no members', async t => {
  const withPrototype = JSON.parse(`{"_id":"session:${UUID}","__proto__":{"mode":"x"},"constructor":1}`)
  t.ok(checkDoc(session, withPrototype).some(problem => problem.path === 'mode'))
})

t.test('no JSON value makes the check throw', async t => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = randomFrom(seed)
  const values: [unknown, ...unknown[]] = [
    null,
    true,
    0,
    Number.POSITIVE_INFINITY,
    '',
    '\0',
    '\ud800',
    [],
    [null],
    {},
    { a: [{}] },
  ]
  for (const entity of [undefined, ...entities]) {
    for (const value of values) t.type(checkDoc(entity, value).length, 'number')
  }
  for (let round = 0; round < 300; round++) {
    for (const entity of entities) {
      const doc = randomDoc(entity, random)
      for (const name of Object.keys(doc)) if (random() < 0.1) doc[name] = pick(random, values)
      checkDoc(pick(random, [entity, session, metrics]), doc)
    }
  }
})
