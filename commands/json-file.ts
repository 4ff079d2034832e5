import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isErrorCode } from './operator-error.ts'

/** The object in a JSON file that only this user may read; undefined where there is no such file. */
export function readJsonFile(path: string): Readonly<Record<string, unknown>> | undefined {
  const text = readIfThere(path)
  if (text === undefined) return undefined
  const content = parseOrNothing(text)
  if (typeof content !== 'object' || content === null)
    throw new Error(`${path} is damaged: it holds no JSON object`)
  return content as Readonly<Record<string, unknown>>
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Replaces the file in one step: whoever reads it, even after a power cut, finds the old or the new content. */
export function writeJsonFile(path: string, content: object): void {
  renameSync(writeDraft(path, content), path)
}

/** Makes the file in one step, unless there is one: of two that try at once, one wins. Tells whether this one did. */
export function makeJsonFile(path: string, content: object): boolean {
  const draft = writeDraft(path, content)
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (isErrorCode(error, 'EEXIST')) return false
    throw error
  } finally {
    rmSync(draft)
  }
}

function writeDraft(path: string, content: object): string {
  const draft = `${path}.${process.pid}.new`
  const file = openSync(draft, 'w', 0o600)
  try {
    writeFileSync(file, `${JSON.stringify(content, undefined, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return draft
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isErrorCode(error, 'ENOENT')) return undefined
    throw error
  }
}
