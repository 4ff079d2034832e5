/** The word that is the fewest edits away: what someone who mistyped it most likely meant. */
export function nearestWord(text: string, words: readonly string[]): string | undefined {
  const byDistance = words.map(word => ({ word, distance: editDistance(text, word) }))
  return byDistance.sort((a, b) => a.distance - b.distance)[0]?.word
}

/** How many characters must be inserted, deleted or replaced to make one text of the other (Levenshtein). */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [row, character] of [...from].entries()) {
    const current = [row + 1]
    for (const [column, other] of [...to].entries()) {
      const replaced = (previous[column] ?? 0) + (character === other ? 0 : 1)
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    previous = current
  }
  return previous.at(-1) ?? 0
}
