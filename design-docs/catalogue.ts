import { account } from './entities/account.ts'
import { badge } from './entities/badge.ts'
import { device } from './entities/device.ts'
import { exercise } from './entities/exercise.ts'
import { gamificationStats } from './entities/gamification-stats.ts'
import { metrics } from './entities/metrics.ts'
import { phaseStat } from './entities/phase-stat.ts'
import { record } from './entities/record.ts'
import { routine } from './entities/routine.ts'
import { routineExercise } from './entities/routine-exercise.ts'
import { session } from './entities/session.ts'
import { superset } from './entities/superset.ts'
import type { DatabaseKind, Entity } from './entity.ts'

/** Every entity, parents before children. */
export const entities: readonly Entity[] = [
  account,
  session,
  routine,
  exercise,
  badge,
  gamificationStats,
  record,
  phaseStat,
  superset,
  routineExercise,
  metrics,
  device,
]

const byType: ReadonlyMap<string, Entity> = new Map(entities.map(entity => [entity.type, entity]))

/** The description of documents of this type. */
export function entityOfType(type: string): Entity | undefined {
  return byType.get(type)
}

/** The descriptions whose documents live in databases of this kind. */
export function entitiesIn(database: DatabaseKind): readonly Entity[] {
  return entities.filter(entity => entity.database === database)
}
