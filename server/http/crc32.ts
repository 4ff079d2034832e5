import * as zlib from 'node:zlib'

/** The checksum of gzip: of these bytes, after others whose checksum is given. */
export const crc32: (bytes: Uint8Array, before: number) => number =
  // Node has it from 20.15 on.
  'crc32' in zlib && typeof zlib.crc32 === 'function' ? (zlib.crc32 as typeof crc32Plain) : crc32Plain

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** The same without Node's help. */
export function crc32Plain(bytes: Uint8Array, before: number): number {
  let value = ~before
  for (const byte of bytes) value = (TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8)
  return ~value >>> 0
}
