const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 30_000

/** What ran this long was not failing at start: its next failure begins a new count. */
const HEALTHY_AFTER_MS = 60_000

/** How long to wait before something that ended is started again: longer each time, unless it had run well. */
export class BackOff {
  #delayMs = FIRST_DELAY_MS

  nextDelayMs(ranForMs: number): number {
    const delayMs = ranForMs >= HEALTHY_AFTER_MS ? FIRST_DELAY_MS : this.#delayMs
    this.#delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)
    return delayMs
  }
}
