import { checkText } from '../../design-docs/check-value.ts'

/** The most that one text can become: a character of two bytes is three in UTF-8. */
const MAX_BYTES_PER_UNIT = 3

/** Room for some rows: most batches have few. */
const FIRST_BYTES = 8192

/** The type and the length that stand before each value. */
const HEAD = 8

/** Types that Postgres itself has, by the numbers that never change (`pg_type.dat`). */
const OIDS = {
  bool: 16,
  int8: 20,
  int4: 23,
  text: 25,
  float8: 701,
  varchar: 1043,
  timestamptz: 1184,
  uuid: 2950,
}

/** The type of a column, as it is written before each of its values. */
export function oidOf(columnType: string): number {
  switch (columnType) {
    case 'uuid':
      return OIDS.uuid
    case 'text':
      return OIDS.text
    case 'integer':
      return OIDS.int4
    case 'bigint':
      return OIDS.int8
    case 'double precision':
      return OIDS.float8
    case 'boolean':
      return OIDS.bool
    case 'timestamptz':
      return OIDS.timestamptz
    default:
      return OIDS.varchar
  }
}

/**
 * Rows of one table in the binary form that Postgres reads: an array of composite values (`array_recv` and
 * `record_recv` in its source). Numbers, times and ids are copied there instead of being parsed, and no row is an
 * object here: a third of the work on both sides.
 */
export class WireRows {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #view = viewOf(this.#bytes)
  #at = 0
  /** Where the rows begin. */
  readonly #starts: number[] = []

  get count(): number {
    return this.#starts.length
  }

  /** How much memory they take. */
  get bytes(): number {
    return this.#at
  }

  /** Begins a row of so many columns: their values follow, in order. */
  begin(columns: number): void {
    this.#starts.push(this.#at)
    this.#need(8)
    this.#view.setInt32(this.#at + 4, columns)
    this.#at += 8
  }

  end(): void {
    const start = this.#starts.at(-1) ?? 0
    this.#view.setInt32(start, this.#at - start - 4)
  }

  /** Takes back all rows from this one on, the last also half. */
  truncate(row: number): void {
    this.#at = this.#starts[row] ?? this.#at
    this.#starts.length = Math.min(row, this.#starts.length)
  }

  null(oid: number): void {
    this.#head(oid, -1, 0)
  }

  boolean(value: boolean): void {
    // Before the buffer is named: its head may be what moves all rows into a larger one.
    const at = this.#head(OIDS.bool, 1, 1)
    this.#bytes[at] = value ? 1 : 0
  }

  integer(value: number): void {
    const at = this.#head(OIDS.int4, 4, 4)
    this.#view.setInt32(at, value)
  }

  long(value: number): void {
    const at = this.#head(OIDS.int8, 8, 8)
    this.#view.setInt32(at, Math.floor(value / 2 ** 32))
    this.#view.setUint32(at + 4, value >>> 0)
  }

  float(value: number): void {
    const at = this.#head(OIDS.float8, 8, 8)
    // JSON's -0 is 0.
    this.#view.setFloat64(at, value + 0)
  }

  /** Microseconds since 2000: more than a double holds exactly, so in halves. */
  time(epochMs: number): void {
    const at = this.#head(OIDS.timestamptz, 8, 8)
    const ms = Math.trunc(epochMs) - POSTGRES_EPOCH_MS
    const high = Math.floor(ms / 2 ** 32)
    const low = (ms - high * 2 ** 32) * 1000
    const carry = Math.floor(low / 2 ** 32)
    this.#view.setInt32(at, high * 1000 + carry)
    this.#view.setUint32(at + 4, low - carry * 2 ** 32)
  }

  /** False, and nothing is written, where the text is no UUID. */
  uuid(text: string): boolean {
    if (text.length !== UUID_LENGTH) return false
    const start = this.#head(OIDS.uuid, 16, 16)
    let at = start
    for (let index = 0; index < UUID_LENGTH; index++) {
      const unit = text.charCodeAt(index)
      if (index === 8 || index === 13 || index === 18 || index === 23) {
        if (unit !== DASH) return this.#undo(start)
        continue
      }
      const high = HEX_VALUES[unit] ?? -1
      const low = HEX_VALUES[text.charCodeAt(++index)] ?? -1
      if (high < 0 || low < 0) return this.#undo(start)
      this.#bytes[at++] = (high << 4) | low
    }
    return true
  }

  /** False, and nothing is written, where Postgres cannot store the text. */
  text(oid: number, value: string): boolean {
    const units = value.length
    this.#need(HEAD + units * MAX_BYTES_PER_UNIT)
    const bytes = this.#bytes
    const at = this.#at + HEAD
    for (let index = 0; index < units; index++) {
      const unit = value.charCodeAt(index)
      if (unit === 0 || unit > 127) return this.#wideText(oid, value)
      bytes[at + index] = unit
    }
    this.#head(oid, units, units)
    return true
  }

  #wideText(oid: number, value: string): boolean {
    if (checkText(value, undefined) !== undefined) return false
    const length = this.#bytes.write(value, this.#at + HEAD, 'utf8')
    this.#head(oid, length, length)
    return true
  }

  /** The rows from one to before another as the value of an array whose elements have this type. */
  array(elementOid: number, from: number, to: number): Buffer {
    const header = Buffer.alloc(20)
    header.writeInt32BE(1, 0)
    header.writeInt32BE(elementOid, 8)
    header.writeInt32BE(to - from, 12)
    header.writeInt32BE(1, 16)
    return Buffer.concat([header, this.#bytes.subarray(this.#starts[from], this.#starts[to] ?? this.#at)])
  }

  /** Writes what stands before a value of `length` bytes. Where the value itself begins. */
  #head(oid: number, length: number, room: number): number {
    this.#need(HEAD + room)
    this.#view.setInt32(this.#at, oid)
    this.#view.setInt32(this.#at + 4, length)
    const at = this.#at + HEAD
    this.#at = at + room
    return at
  }

  #undo(valueStart: number): false {
    this.#at = valueStart - HEAD
    return false
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1)
const UUID_LENGTH = 36
const DASH = 45

/** By the code of a character: what it is worth as a digit, or -1. */
const HEX_VALUES = Int8Array.from({ length: 128 }, (_, code) =>
  /[0-9a-f]/i.test(String.fromCharCode(code)) ? Number.parseInt(String.fromCharCode(code), 16) : -1,
)
