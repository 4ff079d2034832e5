/** The column of a member: camelCase to snake_case, where a run of capitals is one word (`isAMRAP`, `is_amrap`). */
export function columnName(member: string): string {
  return member
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}
