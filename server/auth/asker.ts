import type { IncomingHttpHeaders } from 'node:http'

/** All of a request that is looked at to find out who is asking; every `Call` is one too. */
export type Asker = {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** Scheme and host as the client wrote them: `https://db.example`. */
  readonly origin: string
  /** Where the client is, as far as it can be believed; a proxy's word counts only if proxies are trusted. */
  readonly address: string
}

/** True if the client reached us through TLS. */
export function isSecure({ origin }: Pick<Asker, 'origin'>): boolean {
  return origin.startsWith('https:')
}
