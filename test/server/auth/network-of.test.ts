import t from 'tap'
import { networkOf } from '../../../server/auth/network-of.ts'

const cases: readonly (readonly [address: string, network: string])[] = [
  ['203.0.113.9', '203.0.113.9'],
  ['203.0.113.9:4711', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['0:0:0:0:0:ffff:cb00:7109', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
  ['[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:192.0.2.1', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', 'unknown'],
  ['unknown', 'unknown'],
  ['localhost', 'unknown'],
  ['1.2.3.4, 5.6.7.8', 'unknown'],
  ['x'.repeat(60_000), 'unknown'],
]

t.test('addresses whose guesses are counted together', async t => {
  for (const [address, network] of cases) t.equal(networkOf(address), network, address.slice(0, 60))
})
