import t from 'tap'
import { type TrainingHistory, trainingHistory } from '../../../commands/demo/training-history.ts'
import { entityOfType } from '../../../design-docs/catalogue.ts'
import { checkDoc } from '../../../design-docs/check-doc.ts'
import { typeOfId } from '../../../design-docs/doc-id.ts'

function everyDoc(history: TrainingHistory) {
  return [...history.docs, ...history.liveDocs, ...history.metricsDocs]
}

function countByType(history: TrainingHistory): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { type } of everyDoc(history)) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

t.test('the same seed makes the same documents, in the same order', async t => {
  const options = { seed: 7, sessions: 60 }
  t.equal(JSON.stringify(trainingHistory(options)), JSON.stringify(trainingHistory(options)))
})

for (const options of [
  { seed: 1, sessions: 200 },
  { seed: 2, sessions: 1 },
  { seed: 3, sessions: 2 },
  { seed: 4, sessions: 1000 },
  { seed: Math.floor(Math.random() * 1e9), sessions: 30 },
]) {
  t.test(`every document fits its description (${JSON.stringify(options)})`, async t => {
    const problems = everyDoc(trainingHistory(options)).flatMap(doc =>
      checkDoc(entityOfType(typeOfId(doc._id)), doc).map(problem => ({ id: doc._id, ...problem })),
    )
    t.strictSame(problems, [])
  })

  t.test(`no id stands for two documents (${JSON.stringify(options)})`, async t => {
    const ids = everyDoc(trainingHistory(options)).map(doc => doc._id)
    t.equal(new Set(ids).size, ids.length)
  })
}

t.test('histories of different options share no ids but that of the stats', async t => {
  const first = new Set(everyDoc(trainingHistory({ seed: 1, sessions: 20 })).map(doc => doc._id))
  const others = [
    { seed: 2, sessions: 20 },
    { seed: 1, sessions: 21 },
  ].flatMap(options => everyDoc(trainingHistory(options)))
  const shared = new Set(others.map(doc => doc._id).filter(id => first.has(id)))
  t.strictSame([...shared], ['gamificationStats'])
})

t.test('a year has all kinds of documents', async t => {
  const counts = countByType(trainingHistory({ seed: 1, sessions: 200 }))
  t.match(counts, {
    session: 201,
    phaseStat: 200,
    routine: 3,
    superset: 3,
    routineExercise: 12,
    exercise: 3,
    gamificationStats: 1,
    device: 1,
    metrics: 4,
  })
  t.ok((counts.record ?? 0) >= 12, 'a record in each exercise')
  t.ok((counts.badge ?? 0) >= 4, 'some badges')
})

t.test('the user gets stronger', async t => {
  const { docs } = trainingHistory({ seed: 1, sessions: 200 })
  const squats = docs.filter(doc => doc.type === 'session').filter(doc => doc.exerciseName === 'Squat')
  const first = squats.at(0)?.weightPerCableKg ?? 0
  const last = squats.at(-1)?.weightPerCableKg ?? 0
  t.ok(last > first * 1.2, `${first} kg to ${last} kg`)
})

t.test('sessions come one after the other, the one that is finished online last', async t => {
  const { docs, liveDocs, mistake } = trainingHistory({ seed: 5, sessions: 90 })
  const times = docs
    .filter(doc => doc.type === 'session')
    .filter(doc => doc !== mistake)
    .map(doc => doc.timestamp)
  t.strictSame(
    times,
    times.toSorted((a, b) => a - b),
  )
  t.ok(liveDocs[0].timestamp > (times.at(-1) ?? 0))
})

t.test('every reference names a document of the history', async t => {
  const history = trainingHistory({ seed: 1, sessions: 50 })
  const ids = new Set(everyDoc(history).map(doc => doc._id))
  const dangling = everyDoc(history).flatMap(doc => {
    const references: Record<string, unknown> = doc
    return Object.entries(entityOfType(doc.type)?.fields ?? {})
      .flatMap(([name, field]) =>
        field.kind === 'reference' ? [{ to: field.to, id: references[name] }] : [],
      )
      .filter(({ to, id }) => typeof id === 'string' && !ids.has(`${to}:${id}`))
  })
  t.strictSame(dangling, [])
})
