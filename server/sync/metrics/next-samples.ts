import type { Sample } from './sample.ts'

/** Characters of samples that are in memory for one answer; twice as many while they are gathered. */
const MAX_CHARS = 2 * 1024 * 1024
/** What one costs beside its text. */
const SAMPLE_CHARS = 64

/** The earliest samples of those it is shown, after one that was told already, as many as fit. */
export class NextSamples {
  readonly #after: Sample | undefined
  #samples: Sample[] = []
  #chars = 0
  /** The last one that fits; undefined as long as all do. */
  #last: Sample | undefined

  constructor(after: Sample | undefined) {
    this.#after = after
  }

  /** Later ones do not fit. */
  get limit(): number {
    return this.#last?.timestamp ?? Infinity
  }

  /** True if no sample was left out because it did not fit. */
  get hasAll(): boolean {
    return this.#last === undefined
  }

  /** False for the moments of which it takes none. */
  mayTake(timestamp: number): boolean {
    return timestamp >= (this.#after?.timestamp ?? -Infinity) && timestamp <= this.limit
  }

  add(sample: Sample): void {
    if (this.#after !== undefined && compare(sample, this.#after) <= 0) return
    if (this.#last !== undefined && compare(sample, this.#last) > 0) return
    this.#samples.push(sample)
    this.#chars += sample.text.length + SAMPLE_CHARS
    if (this.#chars > 2 * MAX_CHARS) this.#cut()
  }

  /** What fits, in order. */
  take(): readonly Sample[] {
    this.#sort()
    if (this.#chars > MAX_CHARS) this.#cut()
    return this.#samples
  }

  #cut(): void {
    this.#sort()
    let count = 0
    let chars = 0
    for (const { text } of this.#samples) {
      chars += text.length + SAMPLE_CHARS
      if (count > 0 && chars > MAX_CHARS) break
      count++
    }
    if (count === this.#samples.length) return
    this.#samples.length = count
    this.#last = this.#samples.at(-1)
    this.#count()
  }

  /** In order, equal ones once. */
  #sort(): void {
    const sorted = this.#samples.sort(compare)
    this.#samples = sorted.filter((sample, index) => index === 0 || sample.text !== sorted[index - 1]?.text)
    this.#count()
  }

  #count(): void {
    this.#chars = 0
    for (const { text } of this.#samples) this.#chars += text.length + SAMPLE_CHARS
  }
}

function compare(a: Sample, b: Sample): number {
  if (a.timestamp !== b.timestamp) return a.timestamp - b.timestamp
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0
}
