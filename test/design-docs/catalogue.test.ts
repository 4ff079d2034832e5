import t from 'tap'
import { entities, entitiesIn, entityOfType } from '../../design-docs/catalogue.ts'
import {
  type Entity,
  type Field,
  type Fields,
  isRequired,
  keepsDeletedRows,
} from '../../design-docs/entity.ts'
import { readSpecified, SPECIFIED_MESSAGES, SPECIFIED_TABLES, type SpecifiedLine } from './specified.ts'

const tables = readSpecified(SPECIFIED_TABLES)
const messages = readSpecified(SPECIFIED_MESSAGES)

/** type, REST name, table, message */
const NAMES: readonly (readonly [string, string | undefined, string, string | undefined])[] = [
  ['org.couchdb.user', undefined, 'users', undefined],
  ['session', 'sessions', 'workout_sessions', 'WorkoutSessionDto'],
  ['routine', 'routines', 'routines', 'RoutineDto'],
  ['exercise', 'exercises', 'custom_exercises', 'CustomExerciseDto'],
  ['badge', 'badges', 'earned_badges', 'EarnedBadgeDto'],
  ['gamificationStats', 'gamificationStats', 'gamification_stats', 'GamificationStatsDto'],
  ['record', 'records', 'personal_records', 'PersonalRecordDto'],
  ['phaseStat', 'phaseStats', 'phase_statistics', 'PhaseStatisticsDto'],
  ['superset', 'supersets', 'supersets', 'SupersetDto'],
  ['routineExercise', 'routineExercises', 'routine_exercises', 'RoutineExerciseDto'],
  ['metrics', undefined, 'metric_samples', 'MetricSampleDto'],
  ['device', undefined, 'sync_devices', undefined],
]

t.test('the catalogue has every entity under its names, parents before children', async t => {
  t.same(
    entities.map(entity => [entity.type, entity.restName, entity.table]),
    NAMES.map(names => names.slice(0, 3)),
  )
  t.same([...tables.keys()].sort(), entities.map(entity => entity.table).sort())
  for (const entity of entities) t.equal(entityOfType(entity.type), entity)
  for (const type of ['', 'user', 'users', 'Session', 'constructor', '__proto__']) {
    t.equal(entityOfType(type), undefined, `${type} is no type`)
  }
  for (const [index, entity] of entities.entries()) {
    for (const field of Object.values(entity.fields)) {
      if (field.kind !== 'reference') continue
      const parent = entities.findIndex(each => each.type === field.to)
      t.ok(parent >= 0 && parent < index, `${entity.type} comes after its parent ${field.to}`)
    }
  }
})

t.test('each kind of database has its entities', async t => {
  t.same(
    entitiesIn('accounts').map(entity => entity.type),
    ['org.couchdb.user'],
  )
  t.same(
    entitiesIn('metrics').map(entity => entity.type),
    ['metrics'],
  )
  t.equal(entitiesIn('main').length, 10)
})

t.test('a description is JSON: it survives being text', async t => {
  t.strictSame(JSON.parse(JSON.stringify(entities)), entities)
})

t.test('a field has either a default or may be null, so an absent one means one thing', async t => {
  for (const entity of entities) {
    for (const [name, field] of Object.entries({ ...entity.fields, ...entity.rows?.fields })) {
      t.notOk(field.nullable === true && field.default !== undefined, `${entity.type} ${name}`)
    }
  }
})

t.test('rows of entities with a mark of deletion stay', async t => {
  const goes = entities.filter(entity => !keepsDeletedRows(entity)).map(entity => entity.table)
  t.same(goes.sort(), ['gamification_stats', 'metric_samples', 'sync_devices', 'users'])
})

const TABLE_KINDS: { readonly [type: string]: string } = {
  integer: 'integer',
  long: 'long',
  float: 'float',
  bool: 'boolean',
  timestamp: 'time',
  text: 'text',
}

/** A specified column as a description says it, after the facts about real clients had their say. */
function expectedField(table: string, { name, type, nullable, default: value }: SpecifiedLine): object {
  const maxLength = /^varchar\((\d+)\)$/.exec(type)?.[1]
  const isReference = ['session_id', 'routine_id', 'superset_id'].includes(name)
  const isText = maxLength !== undefined || ['client_id', 'device_id'].includes(name)
  return {
    column: name,
    kind: isReference ? 'reference' : isText ? 'text' : TABLE_KINDS[type],
    maxLength: maxLength === undefined ? undefined : Number(maxLength),
    nullable: nullable || name === 'device_id' || (table === 'users' && name === 'email'),
    default: value,
  }
}

function describedField(member: string, field: Field): object {
  return {
    column:
      member === 'isAMRAP' ? 'is_amrap' : member.replace(/[A-Z]/g, capital => `_${capital.toLowerCase()}`),
    kind: field.kind,
    maxLength: field.kind === 'text' ? field.maxLength : undefined,
    nullable: field.nullable === true,
    default: field.default,
  }
}

function tableFields(entity: Entity): [string, Field][] {
  const all: Fields = { ...entity.fields, ...entity.rows?.fields }
  return Object.entries(all).filter(([, field]) => field.inTable !== false)
}

for (const entity of entities) {
  t.test(`${entity.type} has the columns of ${entity.table}, in their order`, async t => {
    const columns = (tables.get(entity.table) ?? []).filter(column => column.name !== 'user_id')
    t.strictSame(
      tableFields(entity).map(([member, field]) => describedField(member, field)),
      columns.map(column => expectedField(entity.table, column)),
    )
    for (const { name, to } of columns.filter(column => column.to !== undefined)) {
      const field = tableFields(entity).find(([member]) => member === name.replace('_id', 'Id'))?.[1]
      t.equal(field?.kind === 'reference' && entityOfType(field.to)?.table, to, `${name} refers to ${to}`)
    }
  })
}

const MESSAGE_KINDS: { readonly [type: string]: readonly string[] } = {
  String: ['text', 'reference'],
  Int: ['integer'],
  Long: ['long', 'time'],
  Float: ['float'],
  Boolean: ['boolean'],
}

for (const [type, , , message] of NAMES) {
  if (message === undefined) continue
  t.test(`${type} has the members of ${message}`, async t => {
    const entity = entityOfType(type)
    const described = entity?.rows?.fields ?? entity?.fields ?? {}
    const carried = Object.entries(described).filter(([, field]) => field.inMessages !== false)
    const specified = (messages.get(message) ?? []).filter(member => member.name !== 'serverId')
    t.same(carried.map(([name]) => name).sort(), specified.map(member => member.name).sort())
    for (const member of specified) {
      const field = described[member.name]
      if (field === undefined) continue
      t.ok(MESSAGE_KINDS[member.type]?.includes(field.kind), `${member.name} is ${member.type}`)
      t.equal(field.nullable === true, member.nullable, `${member.name} may be null or not`)
      t.strictSame(field.default, member.default, `${member.name} has its default`)
      t.equal(
        isRequired(field),
        !member.nullable && member.default === undefined,
        `${member.name} is required or not`,
      )
    }
  })
}

t.test('no line of the specification was lost', async t => {
  const count = [...tables.values(), ...messages.values()].reduce((sum, lines) => sum + lines.length, 0)
  t.equal(count, 365)
  t.equal([...tables.keys()].length + [...messages.keys()].length, 22)
})
