import type { Asker } from './asker.ts'

/**
 * False if a browser says that a page of another origin sent this request. A browser adds a cookie by itself, so a
 * cookie proves nothing about who wrote the request: any page the admin has open could have. `SameSite` keeps the
 * cookie from other sites, but other ports of this machine and other hosts of this domain are the same site.
 *
 * Browsers say it in `Sec-Fetch-Site` where they got here by https or on their own machine, else in `Origin`.
 * Programs that are no browsers say neither, and nobody makes them send a cookie.
 */
export function isFromOwnPage(asker: Asker): boolean {
  const { headers } = asker
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' || site === 'none' || isFollowedLink(asker)
  return headers.origin === undefined || hostOf(headers.origin) === hostOf(asker.origin)
}

/** Somebody follows a link to here: a page of its own opens, and the page with the link does not see into it. */
function isFollowedLink({ method, headers }: Asker): boolean {
  const isRead = method === 'GET' || method === 'HEAD'
  return isRead && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
}

/** Without the scheme: behind a proxy that ends TLS we may not know it. A host that cannot be read equals no other. */
function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : `?${origin}`
}
