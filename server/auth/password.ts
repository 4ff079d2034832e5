import assert from 'node:assert'
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

type Parameters = { readonly log2Rounds: number; readonly blockSize: number; readonly parallel: number }

/** 2^15 rounds over 32 MiB: about a tenth of a second on a server, for us once per password and start. */
const PARAMETERS: Parameters = { log2Rounds: 15, blockSize: 8, parallel: 1 }
const SALT_BYTES = 16
const KEY_BYTES = 32

const HASH = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/

/** A password's hash as text: salted, slow on purpose, its parameters inside, so that they can be raised one day. */
export async function hashPassword(password: string, parameters: Parameters = PARAMETERS): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await deriveKey(password, salt, KEY_BYTES, parameters)
  const { log2Rounds, blockSize, parallel } = parameters
  const settings = `ln=${log2Rounds},r=${blockSize},p=${parallel}`
  return `$scrypt$${settings}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

/** A hash that no password has, as slow to check as `like`: for names that do not exist. */
export function decoyHash(like?: string): string {
  const { log2Rounds, blockSize, parallel } = PARAMETERS
  const [, rounds = log2Rounds, size = blockSize, lanes = parallel] = HASH.exec(like ?? '') ?? []
  const random = (length: number) => randomBytes(length).toString('base64url')
  return `$scrypt$ln=${rounds},r=${size},p=${lanes}$${random(SALT_BYTES)}$${random(KEY_BYTES)}`
}

/** True if the hash is this password's. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [, log2Rounds, blockSize, parallel, salt, key] = HASH.exec(hash) ?? []
  assert(salt !== undefined && key !== undefined, 'a password hash is text that hashPassword made')
  const parameters = {
    log2Rounds: Number(log2Rounds),
    blockSize: Number(blockSize),
    parallel: Number(parallel),
  }
  const expected = Buffer.from(key, 'base64url')
  const actual = await deriveKey(password, Buffer.from(salt, 'base64url'), expected.length, parameters)
  return timingSafeEqual(actual, expected)
}

function deriveKey(password: string, salt: Buffer, length: number, parameters: Parameters): Promise<Buffer> {
  const rounds = 2 ** parameters.log2Rounds
  const options: ScryptOptions = {
    N: rounds,
    r: parameters.blockSize,
    p: parameters.parallel,
    // Node refuses what needs more than 32 MiB, and the bookkeeping puts these very parameters just above it.
    maxmem: 2 * 128 * rounds * parameters.blockSize * parameters.parallel,
  }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}
