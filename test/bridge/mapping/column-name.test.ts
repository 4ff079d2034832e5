import t from 'tap'
import { columnName } from '../../../bridge/mapping/column-name.ts'

t.test('a member is named in snake case, a run of capitals being one word', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['mode', 'mode'],
    ['clientId', 'client_id'],
    ['isAMRAP', 'is_amrap'],
    ['peakForceConcentricA', 'peak_force_concentric_a'],
    ['weightPerCableKg', 'weight_per_cable_kg'],
    ['oneRepMaxKg', 'one_rep_max_kg'],
    ['prsAchieved', 'prs_achieved'],
    ['positionB', 'position_b'],
    ['HTTPStatus', 'http_status'],
    ['set2Reps', 'set2_reps'],
  ]
  for (const [member, column] of cases) t.equal(columnName(member), column)
})
