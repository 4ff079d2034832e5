/**
 * The contract of a description: everything Divan knows about one kind of document, as plain JSON.
 *
 * A description is written `as const satisfies Entity`. The TypeScript type, the document check, the REST
 * message, the Postgres table and its upsert are derived from it, each in one place, so a new field is one
 * line in one file. No functions, dates or expressions belong here: a description also travels as text.
 */

/**
 * The most characters of an `_id` and of a reference. Both are indexed in Postgres, whose index entries end
 * at 2704 bytes: 600 characters are at most 2400, which leaves room for the user and a timestamp beside them.
 */
export const MAX_ID_LENGTH = 600

/** What may be said of a field of any kind. */
interface FieldBase {
  /** The value may be absent or null. A field that is not nullable and has no default is required. */
  readonly nullable?: true | undefined
  /** `false`: the field is a member of documents, but the REST messages do not carry it. */
  readonly inMessages?: false | undefined
  /** `false`: the field is a member of documents, but has no column. */
  readonly inTable?: false | undefined
}

/** Text, counted in characters as Postgres counts them; without `maxLength` of any length. */
export interface TextField extends FieldBase {
  readonly kind: 'text'
  readonly maxLength?: number | undefined
  /** The source of a regular expression that the whole value matches. */
  readonly pattern?: string | undefined
  readonly default?: string | undefined
}

/** `integer` fits 32 bits, `long` is a safe integer in 64 bits, `float` is a double. */
export interface NumberField extends FieldBase {
  readonly kind: 'integer' | 'long' | 'float'
  readonly default?: number | undefined
}

export interface BooleanField extends FieldBase {
  readonly kind: 'boolean'
  readonly default?: boolean | undefined
}

/** A moment: epoch milliseconds in documents, `timestamptz` in Postgres. */
export interface TimeField extends FieldBase {
  readonly kind: 'time'
  readonly default?: undefined
}

/** The id of a parent document without its type: `<uuid>` or `<deviceId>:<clientId>`. Never a foreign key. */
export interface ReferenceField extends FieldBase {
  readonly kind: 'reference'
  /** The parent's type. */
  readonly to: string
  readonly default?: undefined
}

export interface UuidField extends FieldBase {
  readonly kind: 'uuid'
  readonly default?: undefined
}

/** One member of a document: its kind, whether it may be missing, and what then stands for it. */
export type Field = TextField | NumberField | BooleanField | TimeField | ReferenceField | UuidField

/** Fields by member name, in the order of the table's columns. */
export type Fields = { readonly [name: string]: Field }

/**
 * How the `_id` of such a document is made:
 * - `client`: `<type>:<uuid>` or `<type>:<deviceId>:<clientId>`;
 * - `singleton`: the type itself, one document in a database;
 * - `device`: `<type>:<deviceId>`;
 * - `chunk`: `<type>:<sessionId>:<anything>`, one of several documents that belong to a session;
 * - `account`: `org.couchdb.user:<email>`.
 */
export type Identity = 'client' | 'singleton' | 'device' | 'chunk' | 'account'

/** Where such documents live: the user's database, the user's metrics database, or `_users`. */
export type DatabaseKind = 'main' | 'metrics' | 'accounts'

/**
 * The most objects that such a list may have. Each is a row that repeats the ids of its document: a few megabytes of
 * `{"timestamp":1}` would be gigabytes. Apps cut samples into chunks of some thousands.
 */
export const MAX_LIST_ROWS = 30_000

/** A list inside a document whose objects are the rows of the table. */
export interface RowList {
  readonly member: string
  readonly fields: Fields
}

/** The description of one kind of document. */
export interface Entity {
  /** The `_id` up to its first colon. */
  readonly type: string
  /** What the member `type` says where that is not the type itself. */
  readonly typeMember?: string | undefined
  /** One sentence for people who read the table. */
  readonly about: string
  readonly table: string
  readonly database: DatabaseKind
  readonly identity: Identity
  /** The member of the REST push and pull messages that holds such entities. */
  readonly restName?: string | undefined
  readonly fields: Fields
  /** Absent: the document is one row. */
  readonly rows?: RowList | undefined
}

/** Whether a document without this field, or with null in it, does not fit its description. */
export function isRequired(field: Field): boolean {
  return field.nullable !== true && field.default === undefined
}

/** Whether the row of a deleted document stays, with its `deleted_at` set; else the row goes. */
export function keepsDeletedRows(entity: Entity): boolean {
  return Object.hasOwn(entity.fields, 'deletedAt')
}
