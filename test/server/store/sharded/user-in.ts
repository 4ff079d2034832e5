import { userDbName } from '../../../../design-docs/user-db.ts'
import { shardOf } from '../../../../server/store/sharded/shard-of.ts'

/** The first of all users whose databases are in this file, from 0. */
export function userIn(at: number, count: number): string {
  for (let n = 0; ; n++) if (shardOf(userDbName(`user ${n}`), count) === at) return `user ${n}`
}
