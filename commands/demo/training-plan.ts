/** An exercise of the plan: how strong the user is in it when the year begins, and how much stronger he gets. */
export type PlannedExercise = {
  readonly name: string
  readonly muscleGroup: string
  readonly equipment: string
  readonly startKg: number
  readonly gainKg: number
  readonly reps: number
  /** Made by the user himself, so it is a document of its own. */
  readonly isCustom?: true
}

/** A routine: the first two exercises are its superset. */
export type PlannedRoutine = {
  readonly name: string
  readonly description: string
  readonly supersetName: string
  readonly exercises: readonly [PlannedExercise, PlannedExercise, ...PlannedExercise[]]
}

/** What the demo user trains, weights for each of the machine's two cables. */
export const trainingPlan: readonly [PlannedRoutine, ...PlannedRoutine[]] = [
  {
    name: 'Push day',
    description: 'Chest, shoulders, triceps',
    supersetName: 'Press and fly',
    exercises: [
      { name: 'Bench Press', muscleGroup: 'Chest', equipment: 'Bar', startKg: 24, gainKg: 12, reps: 8 },
      { name: 'Cable Fly', muscleGroup: 'Chest', equipment: 'Handles', startKg: 9, gainKg: 4, reps: 12 },
      { name: 'Shoulder Press', muscleGroup: 'Shoulders', equipment: 'Bar', startKg: 15, gainKg: 7, reps: 8 },
      {
        name: 'Slow Pushdown',
        muscleGroup: 'Triceps',
        equipment: 'Rope',
        startKg: 11,
        gainKg: 5,
        reps: 12,
        isCustom: true,
      },
    ],
  },
  {
    name: 'Pull day',
    description: 'Back and biceps',
    supersetName: 'Rows back to back',
    exercises: [
      { name: 'Bent Over Row', muscleGroup: 'Back', equipment: 'Bar', startKg: 26, gainKg: 13, reps: 10 },
      { name: 'Face Pull', muscleGroup: 'Shoulders', equipment: 'Rope', startKg: 10, gainKg: 4, reps: 15 },
      { name: 'Biceps Curl', muscleGroup: 'Biceps', equipment: 'Handles', startKg: 10, gainKg: 5, reps: 10 },
      {
        name: 'Paused Row',
        muscleGroup: 'Back',
        equipment: 'Handles',
        startKg: 18,
        gainKg: 8,
        reps: 8,
        isCustom: true,
      },
    ],
  },
  {
    name: 'Leg day',
    description: 'Quads, hamstrings, glutes',
    supersetName: 'Squat and hinge',
    exercises: [
      { name: 'Squat', muscleGroup: 'Legs', equipment: 'Belt', startKg: 35, gainKg: 18, reps: 8 },
      {
        name: 'Romanian Deadlift',
        muscleGroup: 'Hamstrings',
        equipment: 'Bar',
        startKg: 32,
        gainKg: 17,
        reps: 8,
      },
      { name: 'Split Squat', muscleGroup: 'Legs', equipment: 'Handles', startKg: 14, gainKg: 7, reps: 10 },
      {
        name: 'Porch Step-up',
        muscleGroup: 'Legs',
        equipment: 'Belt',
        startKg: 12,
        gainKg: 6,
        reps: 12,
        isCustom: true,
      },
    ],
  },
]

/** The id of an exercise in the app's own library; a custom exercise has its document's. */
export function libraryId(exercise: PlannedExercise): string {
  return exercise.name.toLowerCase().replaceAll(' ', '-')
}
