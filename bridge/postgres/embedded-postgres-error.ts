/**
 * The embedded Postgres cannot run here. The message is one line for the operator and says what to do;
 * it is no bug of Divan, so nobody needs its stack trace.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
}

/** What an operator can always do instead: bring a Postgres of his own. */
export const USE_DATABASE_URL = 'set DATABASE_URL to use a Postgres of your own'
