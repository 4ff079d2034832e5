/** The longest address that mail is delivered to (RFC 5321, as corrected); the column has one character more. */
export const MAX_EMAIL_LENGTH = 254

/** Something, an at sign, and a domain with a dot in it. Whether mail arrives there only mail can tell. */
const EMAIL =
  /^[^\s\p{Cc}\p{Cs}@"(),:;<>[\\\]]+@[^\s\p{Cc}\p{Cs}@"(),:;<>[\\\].]+(?:\.[^\s\p{Cc}\p{Cs}@"(),:;<>[\\\].]+)+$/u

/** The one way an email is written here: emails compare lower-cased, and keyboards put a space behind them. */
export function canonicalEmail(text: string): string {
  return text.trim().normalize('NFC').toLowerCase()
}

/** True for what can be an email address. */
export function isEmail(text: string): boolean {
  return text.length <= MAX_EMAIL_LENGTH && EMAIL.test(text)
}
