import { randomBytes } from 'node:crypto'

/** A word that no other history of the same database has: see ../sequences.ts. */
export function newEpoch(): string {
  return randomBytes(4).toString('hex')
}
