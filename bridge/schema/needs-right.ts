import { BridgeError } from '../bridge-error.ts'
import { isMissingRight } from '../postgres-errors.ts'

/** Does what takes a right in Postgres. If the user lacks it, he is told which; Postgres itself only says where. */
export async function needsRight<T>(right: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isMissingRight(error)) throw error
    throw new BridgeError(`${error.message}: the user of DATABASE_URL needs ${right}`, { cause: error })
  }
}
