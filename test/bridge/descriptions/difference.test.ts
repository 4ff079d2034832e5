import t from 'tap'
import { describe, fingerprintOf } from '../../../bridge/descriptions/described.ts'
import { differenceOf } from '../../../bridge/descriptions/difference.ts'
import { badge } from '../../../design-docs/entities/badge.ts'
import { metrics } from '../../../design-docs/entities/metrics.ts'
import type { Entity, Field } from '../../../design-docs/entity.ts'

type Case = {
  readonly name: string
  readonly before?: Entity
  readonly after: Entity
  readonly found: 'nothing' | 'reading' | RegExp
}

/** A badge with other fields; undefined takes a field away. */
function badgeWith(
  fields: { readonly [name: string]: Field | undefined },
  members: Partial<Entity> = {},
): Entity {
  const all = Object.entries({ ...badge.fields, ...fields })
  const kept = all.flatMap(([name, field]) => (field === undefined ? [] : [[name, field] as const]))
  return { ...badge, ...members, fields: Object.fromEntries(kept) }
}

const text = (maxLength?: number): Field => ({ kind: 'text', maxLength })

const cases: readonly Case[] = [
  { name: 'the same', after: badge, found: 'nothing' },
  { name: 'what people read', after: { ...badge, about: 'Another sentence.' }, found: 'nothing' },
  {
    name: 'what the REST messages carry',
    after: badgeWith({ badgeId: { ...badge.fields.badgeId, inMessages: false } }),
    found: 'nothing',
  },
  {
    name: 'the order of the fields',
    after: { ...badge, fields: Object.fromEntries(Object.entries(badge.fields).reverse()) },
    found: 'nothing',
  },
  {
    name: 'a new nullable field',
    after: badgeWith({ note: { kind: 'text', nullable: true } }),
    found: 'reading',
  },
  {
    name: 'a new field with a default',
    after: badgeWith({ mood: { kind: 'integer', default: 1 } }),
    found: 'reading',
  },
  {
    name: 'a new reference, with its index',
    after: badgeWith({ sessionId: { kind: 'reference', to: 'session', nullable: true } }),
    found: 'reading',
  },
  {
    name: 'a new required field without a column',
    after: badgeWith({ note: { kind: 'text', inTable: false } }),
    found: 'reading',
  },
  { name: 'longer text', after: badgeWith({ badgeId: text(200) }), found: 'reading' },
  { name: 'text of any length', after: badgeWith({ badgeId: text() }), found: 'reading' },
  {
    name: 'text for a reference',
    before: badgeWith({ badgeId: { kind: 'reference', to: 'session' } }),
    after: badgeWith({ badgeId: text() }),
    found: 'reading',
  },
  {
    name: 'a pattern',
    after: badgeWith({ badgeId: { ...badge.fields.badgeId, pattern: '^a' } }),
    found: 'reading',
  },
  {
    name: 'a field that may now be null',
    after: badgeWith({ earnedAt: { kind: 'long', nullable: true } }),
    found: 'reading',
  },
  {
    name: 'another default',
    before: badgeWith({ mood: { kind: 'integer', default: 1 } }),
    after: badgeWith({ mood: { kind: 'integer', default: 2 } }),
    found: 'reading',
  },
  { name: 'a new required field', after: badgeWith({ note: text() }), found: /note is new and required/ },
  {
    name: 'a field that is gone',
    after: badgeWith({ celebratedAt: undefined }),
    found: /no field celebratedAt is known here/,
  },
  {
    name: 'a field that lost its column',
    after: badgeWith({ celebratedAt: { kind: 'long', nullable: true, inTable: false } }),
    found: /no field celebratedAt/,
  },
  {
    name: 'a field with another name',
    after: badgeWith({ earnedAt: undefined, wonAt: { kind: 'long' } }),
    found: /no field earnedAt/,
  },
  {
    name: 'shorter text',
    after: badgeWith({ badgeId: text(99) }),
    found: /badgeId was varchar\(100\) and is varchar\(99\)/,
  },
  {
    name: 'text that had no end',
    before: badgeWith({ badgeId: text() }),
    after: badge,
    found: /badgeId was text and is varchar\(100\)/,
  },
  {
    name: 'another kind',
    after: badgeWith({ badgeId: { kind: 'integer' } }),
    found: /badgeId was varchar\(100\) and is integer/,
  },
  {
    name: 'a time for a number',
    after: badgeWith({ earnedAt: { kind: 'time' } }),
    found: /earnedAt was bigint and is timestamptz/,
  },
  {
    name: 'a wider number',
    before: badgeWith({ earnedAt: { kind: 'integer' } }),
    after: badge,
    found: /earnedAt was integer and is bigint/,
  },
  {
    name: 'a field that may no longer be null',
    after: badgeWith({ celebratedAt: { kind: 'long' } }),
    found: /celebratedAt was nullable/,
  },
  {
    name: 'the same with a default',
    after: badgeWith({ celebratedAt: { kind: 'long', default: 0 } }),
    found: /celebratedAt was nullable/,
  },
  { name: 'another table', after: { ...badge, table: 'badges' }, found: /were in the table earned_badges/ },
  {
    name: 'another kind of database',
    after: { ...badge, database: 'metrics' },
    found: /databases of another kind/,
  },
  { name: 'another form of ids', after: { ...badge, identity: 'singleton' }, found: /ids of another form/ },
  {
    name: 'another list',
    before: metrics,
    after: { ...metrics, rows: { ...metrics.rows, member: 'moments' } },
    found: /another list/,
  },
]

for (const { name, before = badge, after, found } of cases) {
  t.test(`a description changes: ${name}`, async t => {
    // As it is read back from where it was recorded.
    const recorded = JSON.parse(JSON.stringify(describe(before)))
    const difference = differenceOf(recorded, describe(after))
    if (typeof found === 'string') t.equal(difference, found)
    else t.match(difference, { refused: found })
    const isSame = fingerprintOf([recorded]) === fingerprintOf([describe(after)])
    t.equal(isSame, difference === 'nothing', 'and so does the fingerprint, or not')
  })
}
