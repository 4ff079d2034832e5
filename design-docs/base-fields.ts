import type { Field } from './entity.ts'

/** A device id is part of document ids, so it holds no colon. */
export const DEVICE_ID_PATTERN = '^[A-Za-z0-9._-]{1,64}$'

/** The id the device gave its row: a UUID, or a number that means something to that device alone. */
export const clientId = { kind: 'text' } as const satisfies Field

/** The device that wrote this version. Documents of clients that replicate may lack it. */
export const deviceId = {
  kind: 'text',
  pattern: DEVICE_ID_PATTERN,
  nullable: true,
  inMessages: false,
} as const satisfies Field

/** Set on an entity that is deleted: deletions are marks, and a living document may carry one. */
export const deletedAt = { kind: 'time', nullable: true } as const satisfies Field

export const createdAt = { kind: 'time' } as const satisfies Field

/** The device's own clock. The newest of conflicting versions is the one that is shown. */
export const updatedAt = { kind: 'time' } as const satisfies Field
