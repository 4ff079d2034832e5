/** What a setting's value may look like, and how its text becomes the value. */
export type SettingKind<T> = {
  /** Completes "must be …". */
  readonly allowed: string
  /** Undefined where the text is not allowed. The value is wrapped, because undefined may be a value. */
  parse(text: string): { readonly value: T } | undefined
  /** Empty text is a value too, and not the same as none. */
  readonly takesEmpty?: true | undefined
}

const SWITCH_WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
}

const BYTES_OF_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** Text that matches the pattern. */
export function textLike(pattern: RegExp, allowed: string): SettingKind<string> {
  return { allowed, parse: text => (pattern.test(text) ? { value: text } : undefined) }
}

/** Any text; empty text switches what the setting is for off. */
export const textOrOff: SettingKind<string | undefined> = {
  allowed: 'text, or empty for "not checked"',
  takesEmpty: true,
  parse: text => ({ value: text === '' ? undefined : text }),
}

/** One of these words. */
export function oneOf<const T extends string>(words: readonly T[]): SettingKind<T> {
  return {
    allowed: `one of ${words.join(', ')}`,
    parse(text) {
      const value = words.find(word => word === text.toLowerCase())
      return value === undefined ? undefined : { value }
    },
  }
}

export const yesOrNo: SettingKind<boolean> = {
  allowed: 'true or false',
  parse(text) {
    const value = SWITCH_WORDS[text.toLowerCase()]
    return value === undefined ? undefined : { value }
  },
}

/** A TCP port; 0 takes a free one. */
export const port: SettingKind<number> = {
  allowed: 'a port from 1 to 65535, or 0 for any free one',
  parse: text => (/^\d{1,5}$/.test(text) && Number(text) <= 65535 ? { value: Number(text) } : undefined),
}

/** The same; empty text is no port at all. */
export const portOrOff: SettingKind<number | 'off'> = {
  allowed: `${port.allowed}, or empty for none`,
  takesEmpty: true,
  parse: text => (text === '' ? { value: 'off' } : port.parse(text)),
}

/** A number without a fraction, both ends included. */
export function wholeNumber(least: number, most: number): SettingKind<number> {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    parse(text) {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
      return value >= least && value <= most ? { value } : undefined
    },
  }
}

export const count = wholeNumber(1, 9999)

/** A number of bytes above zero, with or without a unit. */
export const bytes: SettingKind<number> = {
  allowed: 'a size above zero such as 8388608, 512 KiB or 8 MiB',
  parse(text) {
    const [, digits, unit] = /^(\d{1,15}) ?(B|KiB|MiB|GiB)?$/.exec(text) ?? []
    const value = Number(digits) * (BYTES_OF_UNIT[unit ?? ''] ?? Number.NaN)
    return value > 0 && Number.isSafeInteger(value) ? { value } : undefined
  },
}

/**
 * A URL of one of these protocols, kept as it was given. An `@` behind the host is the end of a password that has a slash or the
 * like in it: taken as it stands, the password would be part of the host and the path, which are shown.
 */
export function urlOf(protocols: readonly string[], example: string): SettingKind<string> {
  return {
    allowed: `a URL such as ${example}; of a password / is %2F, ? is %3F, # is %23, @ is %40, % is %25`,
    parse(text) {
      if (!URL.canParse(text)) return undefined
      const { protocol, pathname, search, hash } = new URL(text)
      const isCut = `${pathname}${search}${hash}`.includes('@')
      return protocols.includes(protocol) && !isCut ? { value: text } : undefined
    },
  }
}

/** Origins of web pages, separated by commas. */
export const origins: SettingKind<readonly string[]> = {
  allowed: '*, none, or origins such as https://app.example.com, separated by commas',
  parse(text) {
    if (text === 'none') return { value: [] }
    const value = text.split(',').map(part => part.trim())
    return value.every(isOrigin) ? { value } : undefined
  },
}

function isOrigin(text: string): boolean {
  return text === '*' || (/^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text)
}
