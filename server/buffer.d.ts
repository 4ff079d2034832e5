/**
 * The types of PouchDB declare a global `Buffer` of their own, from before typed arrays had a type parameter, and
 * with it no `Buffer` is a `Uint8Array` any more. This member puts that right, wherever PouchDB is imported.
 */
interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
  readonly buffer: TArrayBuffer
}
