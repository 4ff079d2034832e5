const BEGIN = '<!-- The last result: written by npm run bench:report -->'
const END = '<!-- End of the last result -->'

/** The page with another text between its two marks. */
export function withSection(page: string, text: string): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error('The page has no place for the result')
  return `${before}${BEGIN}\n\n${text}\n\n${END}${after}`
}
