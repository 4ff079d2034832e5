import type { Head } from './head.ts'

/**
 * What browsers are told about every answer. A phone's owner writes what he likes into attachments, pages and scripts
 * too, and an admin opens them at this server's own address: so whatever is opened may load nothing, run nothing,
 * stand in no frame, and is never taken for another type than it says. A page of ours, or an attachment that is to be
 * looked at, says its own `Content-Security-Policy` instead.
 */
const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

/** These, and who answers. */
export function securityHeaders(serverName: string): Head {
  return { ...HEADERS, Server: serverName }
}
