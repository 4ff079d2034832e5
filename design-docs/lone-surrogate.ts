/**
 * True for a text with half a character in it: what JSON's `\u` escapes can say and UTF-8 cannot. There all halves become the same
 * character, so texts that differed would not any more.
 */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text)
}
