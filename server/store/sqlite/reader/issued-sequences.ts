import { formatSequence, type Incarnations, placeOf } from '../../sequences.ts'
import type { Place } from '../../store.ts'

/**
 * The sequences of one database, or of the update log, as they stand on the wire. Feeds ask for every row: epochs are
 * only ever added, each beginning after what was issued before it, so a list that was read serves for the numbers it
 * covers.
 */
export class IssuedSequences {
  readonly #read: () => Incarnations
  #known: Incarnations | undefined

  constructor(read: () => Incarnations) {
    this.#read = read
  }

  place(since: string): Place {
    return placeOf(since, this.#readAgain())
  }

  sequence(n: number): string {
    const known = this.#known
    const covered = known !== undefined && n <= known.updateSeq
    return formatSequence(n, covered ? known.epochs : this.#readAgain().epochs)
  }

  #readAgain(): Incarnations {
    this.#known = this.#read()
    return this.#known
  }
}
