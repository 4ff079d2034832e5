import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** Proxies that append a port: `203.0.113.9:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9a-fA-F:.]+)\]):\d+$/
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/
const GROUPS_OF_A_NETWORK = 4

/**
 * Whose guesses are counted together: an IPv4 address, or the 64-bit network of an IPv6 one, since every home has
 * 2^64 addresses of those. What is no address at all counts as one place.
 */
export function networkOf(address: string): string {
  const [, ipv4, ipv6] = WITH_PORT.exec(address) ?? []
  const [bare = ''] = (ipv4 ?? ipv6 ?? address).split('%', 1)
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return 'unknown'
  // One way of writing each address, as RFC 5952 has it.
  const plain = new SocketAddress({ address: bare, family: 'ipv6' }).address
  return MAPPED_IPV4.exec(plain)?.[1] ?? `${firstGroups(plain)}::/64`
}

function firstGroups(ipv6: string): string {
  const [head = '', tail] = ipv6.split('::', 2)
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].slice(0, GROUPS_OF_A_NETWORK).join(':')
}

/** An IPv4 address at the end stands for two groups. */
function groups(text: string): string[] {
  if (text === '') return []
  return text.split(':').flatMap(group => (group.includes('.') ? ['0', '0'] : [group]))
}
