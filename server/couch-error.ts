/**
 * Every refusal a client can meet, and its status: CouchDB's own words, so that clients written for CouchDB
 * know what to do. The word is what a client's code looks at, the reason is for the person who reads it.
 */
const ERROR_STATUS = {
  bad_request: 400,
  query_parse_error: 400,
  illegal_database_name: 400,
  illegal_docid: 400,
  doc_validation: 400,
  content_md5_mismatch: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  conflict: 409,
  file_exists: 412,
  missing_stub: 412,
  too_large: 413,
  document_too_large: 413,
  attachment_too_large: 413,
  bad_content_type: 415,
  requested_range_not_satisfiable: 416,
  too_many_requests: 429,
  internal_server_error: 500,
  not_implemented: 501,
  service_unavailable: 503,
  insufficient_storage: 507,
} as const

/** One of CouchDB's error words. */
export type ErrorWord = keyof typeof ERROR_STATUS

/**
 * A refusal that is the client's to read: `{"error": word, "reason": message}` with the word's status.
 * Anything else that is thrown is a bug of ours and reaches the client as a bare `internal_server_error`.
 */
export class CouchError extends Error {
  readonly word: ErrorWord
  /** Headers the answer carries besides, such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    word: ErrorWord,
    reason: string,
    options: { cause?: unknown; headers?: Record<string, string> } = {},
  ) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CouchError'
    this.word = word
    this.headers = options.headers ?? {}
  }

  get status(): number {
    return ERROR_STATUS[this.word]
  }
}
