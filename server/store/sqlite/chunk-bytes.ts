/** Bytes of one row of an attachment: large enough that a row's cost does not count, small enough to stream. */
export const CHUNK_BYTES = 256 * 1024
