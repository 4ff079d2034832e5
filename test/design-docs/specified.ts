/**
 * The tables as their owner specified them, one column a line: name, type, `null` where it may be null, and
 * after `=` the default. `id uuid primary key` is left out; `->` names the table that the column refers to.
 */
export const SPECIFIED_TABLES = `
users
  email varchar(255)
  password_hash varchar(255)
  display_name varchar(255) null
  is_premium bool = false
  created_at timestamp
  last_login_at timestamp null
  last_sync_at timestamp null
  subscription_status varchar(50) = "free"
  subscription_expires_at timestamp null
workout_sessions
  user_id uuid -> users
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  timestamp long
  mode varchar(50)
  target_reps integer
  weight_per_cable_kg float
  progression_kg float = 0
  duration integer = 0
  total_reps integer = 0
  warmup_reps integer = 0
  working_reps integer = 0
  is_just_lift bool = false
  stop_at_top bool = false
  eccentric_load integer = 100
  echo_level integer = 1
  exercise_id varchar(255) null
  exercise_name varchar(255) null
  routine_session_id varchar(255) null
  routine_name varchar(255) null
  safety_flags integer = 0
  deload_warning_count integer = 0
  rom_violation_count integer = 0
  spotter_activations integer = 0
  peak_force_concentric_a float null
  peak_force_concentric_b float null
  peak_force_eccentric_a float null
  peak_force_eccentric_b float null
  avg_force_concentric_a float null
  avg_force_concentric_b float null
  avg_force_eccentric_a float null
  avg_force_eccentric_b float null
  heaviest_lift_kg float null
  total_volume_kg float null
  estimated_calories float null
  warmup_avg_weight_kg float null
  working_avg_weight_kg float null
  burnout_avg_weight_kg float null
  peak_weight_kg float null
  rpe integer null
  created_at timestamp
  updated_at timestamp
personal_records
  user_id uuid -> users
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  exercise_id varchar(255)
  exercise_name varchar(255)
  weight float
  reps integer
  one_rep_max float
  achieved_at long
  workout_mode varchar(50)
  pr_type varchar(50) = "MAX_WEIGHT"
  volume float = 0
  session_id uuid null
  created_at timestamp
  updated_at timestamp
phase_statistics
  user_id uuid -> users
  session_id uuid -> workout_sessions
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  concentric_kg_avg float
  concentric_kg_max float
  concentric_vel_avg float
  concentric_vel_max float
  concentric_watt_avg float
  concentric_watt_max float
  eccentric_kg_avg float
  eccentric_kg_max float
  eccentric_vel_avg float
  eccentric_vel_max float
  eccentric_watt_avg float
  eccentric_watt_max float
  timestamp long
  created_at timestamp
  updated_at timestamp
routines
  user_id uuid -> users
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  name varchar(255)
  description text = ""
  last_used long null
  use_count integer = 0
  created_at timestamp
  updated_at timestamp
supersets
  user_id uuid -> users
  routine_id uuid -> routines
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  name varchar(255)
  color_index integer = 0
  rest_between_seconds integer = 10
  order_index integer
  created_at timestamp
  updated_at timestamp
routine_exercises
  user_id uuid -> users
  routine_id uuid -> routines
  superset_id uuid null -> supersets
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  exercise_id varchar(255) null
  exercise_name varchar(255)
  exercise_muscle_group varchar(100) = ""
  exercise_equipment varchar(100) = ""
  exercise_default_cable_config varchar(50) = "DOUBLE"
  cable_config varchar(50) = "DOUBLE"
  order_index integer
  set_reps varchar(255) = "10,10,10"
  weight_per_cable_kg float = 0
  set_weights varchar(500) = ""
  mode varchar(50) = "OldSchool"
  eccentric_load integer = 100
  echo_level integer = 1
  progression_kg float = 0
  rest_seconds integer = 60
  duration integer null
  set_rest_seconds varchar(255) = "[]"
  per_set_rest_time integer = 0
  is_amrap bool = false
  order_in_superset integer = 0
  created_at timestamp
  updated_at timestamp
custom_exercises
  user_id uuid -> users
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  name varchar(255)
  description text null
  muscle_group varchar(100)
  muscle_groups varchar(500)
  muscles varchar(500) null
  equipment varchar(100)
  movement varchar(100) null
  sidedness varchar(50) null
  grip varchar(50) null
  grip_width varchar(50) null
  min_rep_range float null
  aliases text null
  default_cable_config varchar(50)
  one_rep_max_kg float null
  created_at timestamp
  updated_at timestamp
metric_samples
  user_id uuid -> users
  session_id uuid -> workout_sessions
  timestamp long
  position float null
  position_b float null
  velocity float null
  velocity_b float null
  load float null
  load_b float null
  power float null
  status integer = 0
earned_badges
  user_id uuid -> users
  client_id uuid
  device_id uuid
  deleted_at timestamp null
  badge_id varchar(100)
  earned_at long
  celebrated_at long null
  created_at timestamp
  updated_at timestamp
gamification_stats
  user_id uuid -> users
  client_id uuid
  device_id uuid
  total_workouts integer = 0
  total_reps integer = 0
  total_volume_kg integer = 0
  longest_streak integer = 0
  current_streak integer = 0
  unique_exercises_used integer = 0
  prs_achieved integer = 0
  last_workout_date long null
  streak_start_date long null
  updated_at timestamp
sync_devices
  user_id uuid -> users
  device_id uuid
  device_name varchar(255) null
  platform varchar(50)
  last_sync_at timestamp
  created_at timestamp
`

/**
 * The objects of the REST messages as their owner specified them, one member a line: name, type, `null` where
 * it may be null, and after `=` the default; without a default the member is required.
 */
export const SPECIFIED_MESSAGES = `
WorkoutSessionDto
  clientId String
  serverId String null = null
  timestamp Long
  mode String
  targetReps Int
  weightPerCableKg Float
  progressionKg Float = 0
  duration Int = 0
  totalReps Int = 0
  warmupReps Int = 0
  workingReps Int = 0
  isJustLift Boolean = false
  stopAtTop Boolean = false
  eccentricLoad Int = 100
  echoLevel Int = 1
  exerciseId String null = null
  exerciseName String null = null
  routineSessionId String null = null
  routineName String null = null
  safetyFlags Int = 0
  deloadWarningCount Int = 0
  romViolationCount Int = 0
  spotterActivations Int = 0
  peakForceConcentricA Float null = null
  peakForceConcentricB Float null = null
  peakForceEccentricA Float null = null
  peakForceEccentricB Float null = null
  avgForceConcentricA Float null = null
  avgForceConcentricB Float null = null
  avgForceEccentricA Float null = null
  avgForceEccentricB Float null = null
  heaviestLiftKg Float null = null
  totalVolumeKg Float null = null
  estimatedCalories Float null = null
  warmupAvgWeightKg Float null = null
  workingAvgWeightKg Float null = null
  burnoutAvgWeightKg Float null = null
  peakWeightKg Float null = null
  rpe Int null = null
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
PersonalRecordDto
  clientId String
  serverId String null = null
  exerciseId String
  exerciseName String
  weight Float
  reps Int
  oneRepMax Float
  achievedAt Long
  workoutMode String
  prType String = "MAX_WEIGHT"
  volume Float = 0
  sessionId String null = null
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
PhaseStatisticsDto
  clientId String
  serverId String null = null
  sessionId String
  concentricKgAvg Float
  concentricKgMax Float
  concentricVelAvg Float
  concentricVelMax Float
  concentricWattAvg Float
  concentricWattMax Float
  eccentricKgAvg Float
  eccentricKgMax Float
  eccentricVelAvg Float
  eccentricVelMax Float
  eccentricWattAvg Float
  eccentricWattMax Float
  timestamp Long
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
RoutineDto
  clientId String
  serverId String null = null
  name String
  description String = ""
  lastUsed Long null = null
  useCount Int = 0
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
SupersetDto
  clientId String
  serverId String null = null
  routineId String
  name String
  colorIndex Int = 0
  restBetweenSeconds Int = 10
  orderIndex Int
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
RoutineExerciseDto
  clientId String
  serverId String null = null
  routineId String
  supersetId String null = null
  exerciseId String null = null
  exerciseName String
  exerciseMuscleGroup String = ""
  exerciseEquipment String = ""
  exerciseDefaultCableConfig String = "DOUBLE"
  cableConfig String = "DOUBLE"
  orderIndex Int
  setReps String = "10,10,10"
  weightPerCableKg Float = 0
  setWeights String = ""
  mode String = "OldSchool"
  eccentricLoad Int = 100
  echoLevel Int = 1
  progressionKg Float = 0
  restSeconds Int = 60
  duration Int null = null
  setRestSeconds String = "[]"
  perSetRestTime Int = 0
  isAMRAP Boolean = false
  orderInSuperset Int = 0
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
CustomExerciseDto
  clientId String
  serverId String null = null
  name String
  description String null = null
  muscleGroup String
  muscleGroups String
  muscles String null = null
  equipment String
  movement String null = null
  sidedness String null = null
  grip String null = null
  gripWidth String null = null
  minRepRange Float null = null
  aliases String null = null
  defaultCableConfig String
  oneRepMaxKg Float null = null
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
EarnedBadgeDto
  clientId String
  serverId String null = null
  badgeId String
  earnedAt Long
  celebratedAt Long null = null
  deletedAt Long null = null
  createdAt Long
  updatedAt Long
GamificationStatsDto
  clientId String
  totalWorkouts Int = 0
  totalReps Int = 0
  totalVolumeKg Int = 0
  longestStreak Int = 0
  currentStreak Int = 0
  uniqueExercisesUsed Int = 0
  prsAchieved Int = 0
  lastWorkoutDate Long null = null
  streakStartDate Long null = null
  updatedAt Long
MetricSampleDto
  timestamp Long
  position Float null = null
  positionB Float null = null
  velocity Float null = null
  velocityB Float null = null
  load Float null = null
  loadB Float null = null
  power Float null = null
  status Int = 0
`

/** One line of the above, read. */
export interface SpecifiedLine {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
  /** Undefined: none, so the value is required unless it may be null. */
  readonly default: string | number | boolean | undefined
  readonly to: string | undefined
}

/** The lines of a specification by the table or message they belong to. */
export function readSpecified(text: string): ReadonlyMap<string, readonly SpecifiedLine[]> {
  const all = new Map<string, SpecifiedLine[]>()
  let current: SpecifiedLine[] = []
  for (const line of text.split('\n').filter(each => each !== '')) {
    if (line.startsWith('  ')) {
      current.push(readLine(line))
    } else {
      current = []
      all.set(line, current)
    }
  }
  return all
}

function readLine(line: string): SpecifiedLine {
  const match = /^ {2}(\S+) (\S+)( null)?(?: = (\S+))?(?: -> (\S+))?$/.exec(line)
  if (match === null) throw new Error(`cannot read the line: ${line}`)
  const [, name = '', type = '', nullable, value, to] = match
  const byDefault = value === undefined || value === 'null' ? undefined : JSON.parse(value)
  return { name, type, nullable: nullable !== undefined, default: byDefault, to }
}
