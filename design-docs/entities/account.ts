import { createdAt } from '../base-fields.ts'
import type { Entity } from '../entity.ts'

/**
 * An account: a document of the `_users` database, whose own members (`name`, `roles`, …) need no
 * description. The id of its row is the user's id, which every other row carries as `user_id`.
 */
export const account = {
  type: 'org.couchdb.user',
  typeMember: 'user',
  about: 'A user who can log in.',
  table: 'users',
  database: 'accounts',
  identity: 'account',
  fields: {
    userId: { kind: 'uuid', inTable: false },
    email: { kind: 'text', maxLength: 255, nullable: true },
    passwordHash: { kind: 'text', maxLength: 255 },
    displayName: { kind: 'text', maxLength: 255, nullable: true },
    isPremium: { kind: 'boolean', default: false },
    createdAt,
    lastLoginAt: { kind: 'time', nullable: true },
    lastSyncAt: { kind: 'time', nullable: true },
    subscriptionStatus: { kind: 'text', maxLength: 50, default: 'free' },
    subscriptionExpiresAt: { kind: 'time', nullable: true },
  },
} as const satisfies Entity
