/** What is done of a push before others have their turn: so many rows, or so much of them. */
const TURN_ROWS = 100
const TURN_CHARS = 256 * 1024

/** The rows in their order, as many at once as may be dealt with in one turn. */
export function* rowTurns<Row extends { readonly chars: number }>(
  rows: Iterable<Row>,
): Generator<readonly Row[]> {
  let some: Row[] = []
  let chars = 0
  for (const row of rows) {
    some.push(row)
    chars += row.chars
    if (some.length < TURN_ROWS && chars < TURN_CHARS) continue
    yield some
    some = []
    chars = 0
  }
  if (some.length > 0) yield some
}
