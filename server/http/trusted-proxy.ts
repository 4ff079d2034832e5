import { BlockList, isIP } from 'node:net'

/** Addresses of machines' own networks, where proxies stand one behind the other. */
const INNER = new BlockList()
INNER.addSubnet('127.0.0.0', 8, 'ipv4')
INNER.addSubnet('10.0.0.0', 8, 'ipv4')
INNER.addSubnet('172.16.0.0', 12, 'ipv4')
INNER.addSubnet('192.168.0.0', 16, 'ipv4')
INNER.addSubnet('169.254.0.0', 16, 'ipv4')
INNER.addAddress('::1', 'ipv6')
INNER.addSubnet('fc00::', 7, 'ipv6')
INNER.addSubnet('fe80::', 10, 'ipv6')

/** Whether the machine at this address may say where a request came from. Hop 0 is who is connected to us. */
export type TrustProxy = (address: string | undefined, hop: number) => boolean

/**
 * Which addresses in `X-Forwarded-For` are believed. Each proxy adds at the end whom it heard from, so it is read from
 * the end, up to the first that is no proxy of ours: who is connected to us, if the operator said that proxies are
 * trusted, and before him only machines of inner networks. Believing all of it would believe what the client wrote
 * there himself: every guess of a password would come from another address.
 */
export function trustedProxy(areTrusted: boolean): TrustProxy {
  return (address, hop) => areTrusted && (hop === 0 || isInner(address ?? ''))
}

function isInner(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && INNER.check(address, version === 4 ? 'ipv4' : 'ipv6')
}
