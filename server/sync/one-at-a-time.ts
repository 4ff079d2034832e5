/** Does work one piece after the other where it has the same key, in the order it came. It holds nothing for keys without work. */
export class OneAtATime {
  readonly #last = new Map<string, Promise<unknown>>()

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const result = before.then(work)
    // Who comes next waits for the end, good or bad.
    const end = result
      .catch(() => {})
      .then(() => {
        if (this.#last.get(key) === end) this.#last.delete(key)
      })
    this.#last.set(key, end)
    return result
  }
}
