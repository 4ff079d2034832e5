/** Callbacks by key. One that waits is an entry in a set and nothing else, so ten thousand are ordinary. */
export class Listeners<Key> {
  readonly #byKey = new Map<Key, Set<() => void>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a callback; returns how to take it out. */
  add(key: Key, listener: () => void): () => void {
    const own = () => listener()
    const listeners = this.#byKey.get(key) ?? new Set()
    this.#byKey.set(key, listeners.add(own))
    this.#size++
    return () => {
      if (listeners.delete(own)) this.#size--
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key)
    }
  }

  /** Calls those of a key, each in a microtask of its own: one that throws does not keep the next from its call. */
  notify(key: Key): void {
    const listeners = this.#byKey.get(key)
    for (const listener of listeners ?? []) {
      queueMicrotask(() => {
        if (listeners?.has(listener)) listener()
      })
    }
  }
}
