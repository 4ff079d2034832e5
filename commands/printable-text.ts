/** Clients choose ids, and other programs their words; none must steer the terminal of whoever reads them. */
export function printableText(text: string): string {
  return text.replace(/\p{C}/gu, '\u{FFFD}')
}
