/** Definitions of networks and volumes, and how services attach: what is written, and what it comes to. */
import { describe, expect, test } from 'vitest'
import { modelOf, read, summary, withKey } from './support.ts'

const pool = '{ subnet: 10.9.0.0/24 }'
const withNetwork = (written: string, service = 'networks: { a: }') => withKey(service, `networks:\n  a: ${written}\n`)
const networkOf = (written: string) => modelOf(withNetwork(written)).networks?.a
const volumeOf = (written: string) => modelOf(withKey('tty: true', `volumes:\n  a: ${written}\n`)).volumes?.a

describe('a network comes to its one spelling', () => {
  test.each([
    ['', {}],
    ['{ name: own, driver: macvlan, driver_opts: { parent: eth0, mtu: 1400 } }', 'same'],
    [
      '{ internal: true, enable_ipv6: true, enable_ipv4: false }',
      { internal: true, enable_ipv6: true, enable_ipv4: false },
    ],
    ['{ internal: false, enable_ipv6: false, enable_ipv4: true, attachable: true }', {}],
    ['{ ipam: { config: [] } }', {}],
    ['{ ipam: }', {}],
    [
      '{ ipam: { driver: default, options: { a: 1 }, config: [{ subnet: 10.9.0.0/24, ip_range: 10.9.0.128/25, gateway: 10.9.0.1, aux_addresses: { router: 10.9.0.2 } }] } }',
      {
        ipam: {
          driver: 'default',
          options: { a: '1' },
          config: [
            {
              subnet: '10.9.0.0/24',
              ip_range: '10.9.0.128/25',
              gateway: '10.9.0.1',
              aux_addresses: { router: '10.9.0.2' },
            },
          ],
        },
      },
    ],
    [
      '{ ipam: { config: [{ subnet: FD00::/64 }, { subnet: 10.9.0.0/24 }] } }',
      { ipam: { config: [{ subnet: '10.9.0.0/24' }, { subnet: 'fd00::/64' }] } },
    ],
    ['{ external: true }', { external: true }],
    ['{ external: false, driver: bridge }', { driver: 'bridge' }],
    ['{ external: true, name: site }', { external: true, name: 'site' }],
    ['{ external: { name: site } }', { external: true, name: 'site' }],
    ['{ external: { name: site }, name: site }', { external: true, name: 'site' }],
  ])('%s', (written, expected) => {
    expect(networkOf(written)).toEqual(
      expected === 'same' ? { name: 'own', driver: 'macvlan', driver_opts: { parent: 'eth0', mtu: '1400' } } : expected,
    )
  })
})

describe('a volume comes to its one spelling', () => {
  test.each([
    ['', {}],
    [
      '{ driver: local, driver_opts: { type: tmpfs, device: tmpfs, o: size=1m }, labels: [a=b] }',
      { driver: 'local', driver_opts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }, labels: { a: 'b' } },
    ],
    ['{ external: true, name: films }', { external: true, name: 'films' }],
    ['{ external: { name: films } }', { external: true, name: 'films' }],
  ])('%s', (written, expected) => {
    expect(volumeOf(written)).toEqual(expected)
  })
})

test('how a service attaches', () => {
  const text = withNetwork(
    `{ ipam: { config: [${pool}, { subnet: "fd00::/64" }] } }`,
    'networks: { a: { ipv4_address: 10.9.0.5, ipv6_address: "FD00::5", link_local_ips: [169.254.1.2], mac_address: 02-42-AC-11-00-02, driver_opts: { a: 1 }, priority: 100 } }',
  )
  expect(modelOf(text).services.web?.networks).toEqual({
    a: {
      ipv4_address: '10.9.0.5',
      ipv6_address: 'fd00::5',
      link_local_ips: ['169.254.1.2'],
      mac_address: '02:42:ac:11:00:02',
      driver_opts: { a: '1' },
      priority: 100,
    },
  })
})

describe('what cannot be is refused, with its place', () => {
  test.each([
    ['{ driver: }', 'value-invalid 6:8 networks.a.driver'],
    ['{ driver: "a b" }', 'value-invalid 6:16 networks.a.driver'],
    ['{ external: true, driver: bridge }', 'value-invalid 6:32 networks.a.driver'],
    ['{ external: { nam: x } }', 'key-unknown 6:20 networks.a.external.nam'],
    ['{ external: { name: x }, name: y }', 'value-invalid 6:6 networks.a'],
    ['{ external: true, name: host }', 'value-invalid 6:3 networks.a'],
    ['{ ipam: { config: [{ subnet: 10.9.0.0 }] } }', 'value-invalid 6:35 networks.a.ipam.config[0].subnet'],
    ['{ ipam: { config: [{ subnet: 10.9.0.0/33 }] } }', 'value-invalid 6:35 networks.a.ipam.config[0].subnet'],
    ['{ ipam: { config: [{ gateway: x }] } }', 'value-invalid 6:36 networks.a.ipam.config[0].gateway'],
    ['{ ipam: { config: [{ sub: x }] } }', 'key-unknown 6:27 networks.a.ipam.config[0].sub'],
  ])('%s', (written, expected) => {
    expect(summary(withNetwork(written))).toEqual([expected])
  })

  test.each([
    ['{ ipv4_address: 10.9.0 }', 'ipv4_address', /must be an IPv4 address/],
    ['{ ipv4_address: 10.8.0.5 }', 'ipv4_address', /no subnet that holds it/],
    ['{ ipv6_address: "fd00::5" }', 'ipv6_address', /no subnet that holds it/],
    ['{ ipv6_address: "fe80::1%eth0" }', 'ipv6_address', /must be an IPv6 address/],
    ['{ mac_address: 02:42 }', 'mac_address', /must be a hardware address/],
    ['{ gw_priority: 1 }', 'gw_priority', /not supported/],
    ['{ interface_name: eth1 }', 'interface_name', /not supported/],
  ])('at a service: %s', (written, key, message) => {
    const result = read(withNetwork(`{ ipam: { config: [${pool}] } }`, `networks: { a: ${written} }`))
    expect(result).toMatchObject({
      ok: false,
      faults: [{ path: `services.web.networks.a.${key}`, message: expect.stringMatching(message) }],
    })
  })

  test('one address of two services, or of two containers of one', () => {
    const network = `networks: {a: {ipam: {config: [${pool}]}}}`
    const attached = 'networks: {a: {ipv4_address: 10.9.0.5}}'
    expect(summary(`services: {a: {image: x, ${attached}}, b: {image: x, ${attached}}}\n${network}`)).toEqual([
      'value-invalid 1:111 services.b.networks.a.ipv4_address',
    ])
    expect(summary(`services: {a: {image: x, scale: 2, ${attached}}}\n${network}`)).toEqual([
      'value-invalid 1:65 services.a.networks.a.ipv4_address',
    ])
  })
})

test('attachable is said to mean nothing', () => {
  expect(read(withNetwork('{ attachable: true }'))).toMatchObject({
    ok: true,
    notes: [{ path: 'networks.a.attachable' }],
  })
})
