import type { Doc } from '../../design-docs/doc.ts'
import type { exercise } from '../../design-docs/entities/exercise.ts'
import type { routine } from '../../design-docs/entities/routine.ts'
import type { routineExercise } from '../../design-docs/entities/routine-exercise.ts'
import type { superset } from '../../design-docs/entities/superset.ts'
import type { HistoryIds } from './history-ids.ts'
import { libraryId, type PlannedExercise, type PlannedRoutine, trainingPlan } from './training-plan.ts'

export type ExerciseDoc = Doc<typeof exercise>
export type RoutineDoc = Doc<typeof routine>
export type SupersetDoc = Doc<typeof superset>
export type RoutineExerciseDoc = Doc<typeof routineExercise>

/** What the plan becomes on the phone. */
export type PlanDocs = {
  readonly exercises: readonly ExerciseDoc[]
  readonly routines: readonly RoutineDoc[]
  readonly supersets: readonly SupersetDoc[]
  readonly routineExercises: readonly RoutineExerciseDoc[]
}

/** How often and when last each routine was trained. */
export type RoutineUse = (planned: PlannedRoutine) => { readonly useCount: number; readonly lastUsed: number }

/** The documents of the training plan, written when the year began. */
export function planDocs(ids: HistoryIds, madeAt: number, useOf: RoutineUse): PlanDocs {
  const written = { deviceId: ids.deviceId, createdAt: madeAt, updatedAt: madeAt }
  return {
    exercises: trainingPlan
      .flatMap(planned => planned.exercises)
      .filter(planned => planned.isCustom)
      .map(planned => ({ ...exerciseDoc(ids, planned), ...written })),
    routines: trainingPlan.map(planned => routineDoc(ids, planned, { ...written, ...useOf(planned) })),
    supersets: trainingPlan.map((planned, orderIndex) => ({
      ...ids.drawn('superset', planned.name),
      type: 'superset',
      routineId: ids.uuid('routine', planned.name),
      name: planned.supersetName,
      colorIndex: orderIndex,
      restBetweenSeconds: 15,
      orderIndex: 0,
      ...written,
    })),
    routineExercises: trainingPlan.flatMap(routine =>
      routine.exercises.map((planned, orderIndex) => ({
        ...routineExerciseDoc(ids, planned, { routine, orderIndex }),
        ...written,
      })),
    ),
  }
}

/** The id that sessions and records name an exercise by. */
export function exerciseIdOf(ids: HistoryIds, planned: PlannedExercise): string {
  return planned.isCustom ? ids.uuid('exercise', planned.name) : libraryId(planned)
}

function exerciseDoc(ids: HistoryIds, planned: PlannedExercise) {
  return {
    ...ids.drawn('exercise', planned.name),
    type: 'exercise' as const,
    name: planned.name,
    description: `My own: ${planned.name.toLowerCase()}, slow and controlled`,
    muscleGroup: planned.muscleGroup,
    muscleGroups: planned.muscleGroup,
    equipment: planned.equipment,
    sidedness: 'BILATERAL',
    defaultCableConfig: 'DOUBLE',
  }
}

function routineDoc(
  ids: HistoryIds,
  planned: PlannedRoutine,
  written: Pick<RoutineDoc, 'deviceId' | 'createdAt' | 'updatedAt' | 'useCount' | 'lastUsed'>,
): RoutineDoc {
  const { name, description } = planned
  return {
    ...ids.drawn('routine', name),
    type: 'routine',
    name,
    description,
    ...written,
    updatedAt: written.lastUsed ?? written.updatedAt,
  }
}

function routineExerciseDoc(
  ids: HistoryIds,
  planned: PlannedExercise,
  { routine, orderIndex }: { readonly routine: PlannedRoutine; readonly orderIndex: number },
) {
  const isInSuperset = orderIndex < 2
  return {
    ...ids.drawn('routineExercise', routine.name, orderIndex),
    type: 'routineExercise' as const,
    routineId: ids.uuid('routine', routine.name),
    supersetId: isInSuperset ? ids.uuid('superset', routine.name) : null,
    exerciseId: exerciseIdOf(ids, planned),
    exerciseName: planned.name,
    exerciseMuscleGroup: planned.muscleGroup,
    exerciseEquipment: planned.equipment,
    orderIndex,
    setReps: [planned.reps, planned.reps, planned.reps].join(','),
    weightPerCableKg: planned.startKg,
    restSeconds: isInSuperset ? 15 : 90,
    orderInSuperset: isInSuperset ? orderIndex : 0,
  }
}
