import { accountDocId, docId, metricsDocId } from '../../design-docs/doc-id.ts'
import { type Entity, type Field, type Fields, isRequired } from '../../design-docs/entity.ts'

/** A source of numbers from 0 to 1 that a seed determines (mulberry32). */
export type Random = () => number

export function randomFrom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function pick<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[Math.floor(random() * list.length)] ?? list[0]
}

export const UUID = '0b3f5c1e-7d2a-4e8b-9c6f-1a2b3c4d5e6f'

/** A document with the required members alone. */
export function leastDoc(entity: Entity): Record<string, unknown> {
  const doc: Record<string, unknown> = { _id: leastId(entity), ...leastMembers(entity.fields) }
  if (entity.rows !== undefined) doc[entity.rows.member] = [leastMembers(entity.rows.fields)]
  return doc
}

function leastId(entity: Entity): string {
  if (entity.identity === 'chunk') return metricsDocId(UUID, '0')
  if (entity.identity === 'device') return `${entity.type}:phone-1`
  if (entity.identity === 'account') return accountDocId('who@example.org')
  return docId(entity.type, UUID)
}

function leastMembers(fields: Fields): Record<string, unknown> {
  const required = Object.entries(fields).filter(([, field]) => isRequired(field))
  return Object.fromEntries(required.map(([name, field]) => [name, plainValue(name, field)]))
}

function plainValue(name: string, field: Field): unknown {
  if (name === 'clientId' || field.kind === 'reference' || field.kind === 'uuid') return UUID
  if (field.kind === 'boolean') return true
  if (field.kind === 'text') return 'some'
  return field.kind === 'time' ? 1_700_000_000_123 : 7
}

/** Values at and beyond the edge of what some kind of field holds. */
const STRANGE_VALUES: readonly [unknown, ...unknown[]] = [
  null,
  true,
  0,
  -0,
  1.5,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53) + 1,
  1e308,
  -1.7976931348623157e308,
  5e-324,
  0.1 + 0.2,
  Number.POSITIVE_INFINITY,
  8_640_000_000_000_000,
  8_640_000_000_000_001,
  -210_866_803_200_000,
  -210_866_803_200_001,
  -62_135_596_800_001,
  253_402_300_800_000,
  '',
  ' ',
  'a\0b',
  '\ud800',
  'x\udc00',
  '\ud83d\ude00',
  '\ud83d\ude00'.repeat(50),
  '\ud83d\ude00'.repeat(51),
  '\u00e9'.repeat(255),
  'e\u0301'.repeat(128),
  'x'.repeat(100),
  `${'x'.repeat(50)}  `,
  'x'.repeat(600),
  'x'.repeat(601),
  'y'.repeat(100_000),
  '\'"\\$1 -- \u0001\u2028\ufeff\uffff\n',
  'null',
  'NaN',
  [],
  [1],
  {},
  { a: null },
]

/** A document that is mostly right, with strange values here and there. */
export function randomDoc(entity: Entity, random: Random): Record<string, unknown> {
  const strangeness = pick(random, [0, 0.02, 0.05])
  const members = randomMembers(entity.fields, random, strangeness)
  const doc: Record<string, unknown> = { ...members, _id: randomId(entity, random, members) }
  if (random() < 0.5) doc.type = entity.typeMember ?? entity.type
  const { rows } = entity
  if (rows !== undefined) {
    const length = Math.floor(random() * 4)
    doc[rows.member] = Array.from({ length }, () => randomMembers(rows.fields, random, strangeness))
  }
  return doc
}

function randomMembers(fields: Fields, random: Random, strangeness: number): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (!isRequired(field) && random() < 0.3) continue
    members[name] = random() < strangeness ? pick(random, STRANGE_VALUES) : randomValue(name, field, random)
  }
  return members
}

function randomValue(name: string, field: Field, random: Random): unknown {
  if (name === 'clientId' || field.kind === 'reference') return randomKey(random)
  if (name === 'deviceId') return 'phone-1'
  switch (field.kind) {
    case 'text':
      return randomText(random, field.maxLength ?? 2000)
    case 'boolean':
      return random() < 0.5
    case 'uuid':
      return random() < 0.5 ? UUID : randomUuid(random).toUpperCase()
    case 'integer':
      return Math.floor((random() - 0.5) * 2 ** 32)
    case 'long':
      return Math.floor((random() - 0.5) * 2 ** 54)
    case 'float':
      return (random() - 0.5) * 10 ** Math.floor(random() * 600 - 300)
    case 'time':
      return randomTime(random)
  }
}

function randomTime(random: Random): number {
  const now = 1_700_000_000_000
  if (random() < 0.6) return now + Math.floor(random() * 1e11)
  return Math.floor(-2.1e14 + random() * (8.64e15 + 2.1e14))
}

function randomText(random: Random, maxLength: number): string {
  const length = Math.floor(random() * (maxLength + 1))
  return Array.from({ length }, () => randomCharacter(random)).join('')
}

function randomCharacter(random: Random): string {
  const code = 1 + Math.floor(random() * pick(random, [0x7f, 0x7ff, 0xfffe, 0x10fffe]))
  return code >= 0xd800 && code <= 0xdfff ? '?' : String.fromCodePoint(code)
}

function randomUuid(random: Random): string {
  return UUID.replace(/[0-9a-f]/g, () => Math.floor(random() * 16).toString(16))
}

function randomKey(random: Random): string {
  if (random() < 0.5) return randomUuid(random)
  return random() < 0.8 ? String(Math.floor(random() * 1e6)) : `k${randomText(random, 500)}`
}

function randomId(entity: Entity, random: Random, members: Record<string, unknown>): string {
  if (random() < 0.02)
    return pick(random, ['', 'session:', `${entity.type}:x`, `${entity.type}:a\0:1`, 'other:1'])
  const { clientId, sessionId } = members
  if (entity.identity === 'chunk') return metricsDocId(String(sessionId), String(Math.floor(random() * 1e9)))
  if (entity.identity === 'device') return `${entity.type}:phone-1`
  if (entity.identity === 'account') return accountDocId(`${randomUuid(random)}@example.org`)
  if (typeof clientId !== 'string' || clientId === '') return docId(entity.type, UUID)
  return docId(entity.type, clientId, 'phone-1')
}
