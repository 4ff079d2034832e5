import { formatSequence, type Incarnations, type Issuer, issuerOf, placeOf, timeOf } from '../../sequences.ts'
import type { Place } from '../../store.ts'

/**
 * The sequences of one database, or of the update log, as they stand on the wire. Feeds ask for every row: epochs are
 * only ever added, each beginning after what was issued before it, so a list that was read serves for the numbers it
 * covers.
 */
export class IssuedSequences {
  readonly #read: () => Incarnations
  readonly #lastBefore: ((time: number) => number) | undefined
  #known: Incarnations | undefined

  /** `lastBefore`: the last number issued before a time. Without it times are sequences that nobody issued. */
  constructor(read: () => Incarnations, lastBefore?: (time: number) => number) {
    this.#read = read
    this.#lastBefore = lastBefore
  }

  place(since: string): Place {
    const time = this.#lastBefore && timeOf(since)
    if (time === undefined) return placeOf(since, this.#readAgain())
    return { n: this.#lastBefore?.(time) ?? 0, rewound: false }
  }

  sequence(n: number): string {
    const known = this.#known
    const covered = known !== undefined && n <= known.updateSeq
    return formatSequence(n, covered ? known.epochs : this.#readAgain().epochs)
  }

  /** The epoch that issued `n`, and the numbers it issued. Numbers up to `highest` will be looked at. */
  issuer(n: number, highest: number): Issuer {
    const known =
      this.#known !== undefined && highest <= this.#known.updateSeq ? this.#known : this.#readAgain()
    return issuerOf(n, known.epochs)
  }

  #readAgain(): Incarnations {
    this.#known = this.#read()
    return this.#known
  }
}
