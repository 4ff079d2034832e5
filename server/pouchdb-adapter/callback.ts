import { pouchError } from './pouch-error.ts'

/** How PouchDB's core is answered. */
export type Callback<Result> = (error: unknown, result?: Result) => void

/** Answers with what a read returns or throws. */
export function answer<Result>(callback: Callback<Result>, read: () => Result): void {
  let result: Result
  try {
    result = read()
  } catch (error) {
    callback(pouchError(error))
    return
  }
  // Outside of the try: what a callback throws is not ours to answer.
  callback(null, result)
}

/** Answers with what a write resolves to or fails with. */
export function answerLater<Result>(callback: Callback<Result>, write: () => Promise<Result>): void {
  write().then(
    result => callback(null, result),
    error => callback(pouchError(error)),
  )
}
