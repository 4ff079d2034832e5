/**
 * Commands that wait for the writer, and which of them has the next turn. Commands of one lane, which is a database for nearly all,
 * keep their order; a command that did not come to its end in its turn goes back to the head of its lane. The lanes take turns: none
 * is served again before all others were. A lane that has just come to life goes before those that were served already, so that a
 * single write waits for none of the writers of many.
 */
export class CommandQueue<Command extends { readonly lane: string }> {
  /** Lanes that had no turn since they were last empty, and those that had; both in the order of their next turn. */
  readonly #fresh = new Map<string, Command[]>()
  readonly #served = new Map<string, Command[]>()
  #freshTurns = 0

  get isEmpty(): boolean {
    return this.#fresh.size === 0 && this.#served.size === 0
  }

  add(command: Command): void {
    const { lane } = command
    const waiting = this.#fresh.get(lane) ?? this.#served.get(lane)
    if (waiting !== undefined) waiting.push(command)
    else this.#fresh.set(lane, [command])
  }

  /** Takes out the command whose turn it is. */
  take(): Command | undefined {
    const [next] = this.#nextLanes()
    if (next === undefined) return undefined
    const [lane, commands] = next
    const command = commands.shift()
    this.#fresh.delete(lane)
    this.#served.delete(lane)
    if (commands.length > 0) this.#served.set(lane, commands)
    return command
  }

  /** Puts back what was taken and is not done: it stays the first of its lane. */
  putBack(command: Command): void {
    const waiting = this.#served.get(command.lane)
    if (waiting !== undefined) waiting.unshift(command)
    else this.#served.set(command.lane, [command])
  }

  /** Takes out what was put back and is not to have its turn; harmless if it was not put back. */
  drop(command: Command): void {
    const commands = this.#served.get(command.lane)
    if (commands?.[0] !== command) return
    commands.shift()
    if (commands.length === 0) this.#served.delete(command.lane)
  }

  #nextLanes(): Map<string, Command[]> {
    const isFresh = this.#fresh.size > 0 && (this.#served.size === 0 || this.#freshTurns < FRESH_TURNS)
    this.#freshTurns = isFresh ? this.#freshTurns + 1 : 0
    return isFresh ? this.#fresh : this.#served
  }
}

/** After so many turns of fresh lanes one that was served has its own: a stream of single writes must not stop it. */
const FRESH_TURNS = 64
