/** The headers of an answer on their way, by the names that RFC 9110 writes: `Content-Type`. */
export type Head = Record<string, string>
