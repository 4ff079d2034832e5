import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync } from 'node:fs'

const TAIL_BYTES = 16 * 1024

/** Starts a new log file; the one before it is kept as `….1`, older ones are not. */
export function rotateLog(path: string): void {
  if (existsSync(path)) renameSync(path, `${path}.1`)
}

/** The line that says why Postgres ended: the last FATAL, PANIC or ERROR, else the last line at all. */
export function lastLogLine(path: string): string {
  const lines = logTail(path)
    .split('\n')
    .map(line => line.replace(/^\S+ \S+ \S+ \[\d+\] /, '').trim())
    .filter(line => line !== '')
  return lines.findLast(line => /^(FATAL|PANIC|ERROR):/.test(line)) ?? lines.at(-1) ?? 'its log is empty'
}

/** The end of the log, as much of it as any question here needs. */
export function logTail(path: string): string {
  if (!existsSync(path)) return ''
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const tail = new Uint8Array(Math.min(size, TAIL_BYTES))
    readSync(file, tail, 0, tail.length, size - tail.length)
    return new TextDecoder().decode(tail)
  } finally {
    closeSync(file)
  }
}
