import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { realFile } from '../sqlite/real-file.ts'

/** The most that a store is divided over. The place in its log of updates names each, and goes over the wire. */
export const MAX_SHARDS = 32

/** All files of a store by the first one's name: `divan.sqlite`, `divan-2.sqlite`, … */
export function filesOf(first: string, count: number): [string, ...string[]] {
  const extension = extname(first)
  const stem = first.slice(0, first.length - extension.length)
  return [first, ...Array.from({ length: count - 1 }, (_, at) => `${stem}-${at + 2}${extension}`)]
}

/** Where the first file is, or will be. The others lie beside it, not beside a link to it. */
export function realFirst(file: string): string {
  try {
    return realFile(file)
  } catch {
    // There is no such folder: who makes it, or cannot, has more to say.
    return file
  }
}

/** Those that are there, in their order, whatever store they belong to. */
export function filesThere(first: string): string[] {
  const folder = dirname(first)
  const [name, extension] = [basename(first), extname(first)]
  const stem = `${name.slice(0, name.length - extension.length)}-`
  const numbers = (existsSync(folder) ? readdirSync(folder) : [])
    .filter(other => other.startsWith(stem) && other.endsWith(extension))
    .map(other => other.slice(stem.length, other.length - extension.length))
    .filter(text => /^[2-9]$|^[1-9]\d{1,3}$/.test(text))
    .map(Number)
    .sort((a, b) => a - b)
  const others = numbers.map(number => join(folder, `${stem}${number}${extension}`))
  return existsSync(first) ? [first, ...others] : others
}
