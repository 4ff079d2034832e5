/** What a command has started so far, to be closed in the reverse order whatever happens. */
export class RunningParts {
  readonly #closers: (() => Promise<void>)[] = []

  add(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** Closes every part, also when closing one fails; then the first failure is thrown. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.#closers.splice(0).reverse()) await close().catch(error => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
}
