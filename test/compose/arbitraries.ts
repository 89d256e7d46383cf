/** Compose files for the fuzzer: noise, mistakes typed into files that are right, wild structures, and right ones. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { escapeDollars } from '../../src/compose/interpolate.ts'
import { type Level, levels, rulesOf } from '../../src/compose/keys.ts'
import { formatDuration } from '../../src/compose/units.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.yaml`, import.meta.url), 'utf8')
export const valid = ['gateway', 'modbus', 'telegraf', 'config-output'].map(fixture)
const snippets = [
  '${A}',
  '${',
  '$',
  '$$',
  '*x',
  '&x ',
  '<<: *defaults',
  '- ',
  ': ',
  '"',
  "'",
  '[',
  '{',
  '}',
  '#',
  '|\n',
  '>\n',
  '!!',
  '\t',
  '\0',
  '---\n',
  '...',
  '~',
  'no',
  '0x1f',
  '1e400',
  '-0',
  '__proto__: 1\n',
  '? ',
  '\r\n',
  '\ud800',
  '%YAML 1.1\n---\n',
]
export const piece = fc.oneof(fc.constantFrom(...snippets), fc.string({ maxLength: 8, unit: 'binary' }))

export const mutated = fc
  .record({
    text: fc.constantFrom(...valid),
    edits: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), remove: fc.nat(12), insert: piece }), {
      minLength: 1,
      maxLength: 3,
    }),
  })
  .map(({ text, edits }) =>
    edits.reduce((now, { at, remove, insert }) => {
      const index = Math.floor(at * now.length)
      return now.slice(0, index) + insert + now.slice(index + remove)
    }, text),
  )

export const swappedLines = fc
  .record({ text: fc.constantFrom(...valid), from: fc.nat(200), to: fc.nat(200), count: fc.nat(4) })
  .map(({ text, from, to, count }) => {
    const lines = text.split('\n')
    const taken = lines.splice(from % lines.length, count)
    lines.splice(to % lines.length, 0, ...taken)
    return lines.join('\n')
  })

const words = [
  'web',
  'db',
  'data',
  'front',
  'default',
  'nginx:1',
  'data:/d',
  '/a:/b:ro',
  '80:80',
  '[::1]::5/udp',
  '1-3:1-3',
  '64m',
  '1m30s',
  '0.5',
  'no',
  'host',
  'service:web',
  'A=b',
  'A',
  '${A}',
  '${A:-x}',
  'service_started',
  'service_healthy',
  'CMD',
  'NONE',
  'volume',
  'bind',
  'tmpfs',
  '/x',
  'yes',
  'true',
  'constructor',
  'a b "c"',
  '',
]
export const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4, depthSize: 'small' }, tie('scalar'), tie('list'), tie('map')),
  scalar: fc.oneof(
    fc.constantFrom(...words),
    fc.string({ maxLength: 6 }),
    fc.integer({ min: -5, max: 70_000 }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  ),
  list: fc.array(tie('value'), { maxLength: 3 }),
  map: fc.dictionary(fc.oneof(fc.constantFrom(...words, 'x-a'), fc.constantFrom(...allKeys())), tie('value'), {
    maxKeys: 4,
  }),
}))

function allKeys(): string[] {
  return [...new Set((Object.keys(levels) as Level[]).flatMap((level) => Object.keys(rulesOf(level))))]
}

/** Close to valid: the keys of a service with values that might fit. */
export const service = fc.dictionary(fc.constantFrom(...Object.keys(rulesOf('service'))), anything, { maxKeys: 5 })
export const structured = fc
  .record({
    services: fc.dictionary(
      fc.constantFrom('web', 'db', 'a.b'),
      service.map((keys) => ({ image: 'x', ...keys })),
      { maxKeys: 3 },
    ),
    volumes: fc.constantFrom({ data: null }, { data: { name: 'x' } }),
    networks: fc.constantFrom({ front: {} }, null),
  })
  .map((file) => stringify(file))

/** Only what is valid, in any spelling. */
const text = fc
  .oneof(
    fc.constantFrom('a', '', '$x', 'yes', '1.0', '~', ' x ', '# a', 'a\nb', '{}', 'é"\''),
    fc.string({ maxLength: 5, unit: 'grapheme' }),
  )
  .map((value) => value.replaceAll('\0', ''))
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined })
const validService = fc.record({
  image: fc.constantFrom('nginx', 'a.example:5000/b/c:1'),
  command: optional(fc.array(text, { maxLength: 3 })),
  environment: optional(fc.dictionary(fc.constantFrom('A', 'B-c', 'constructor', 'é', '1', 'null'), text)),
  labels: optional(
    fc.dictionary(
      text.map((name) => `x${name}`),
      text,
    ),
  ),
  ports: optional(
    fc
      .uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 4 })
      .map((ports) => ports.map((port, index) => (index === 0 ? `1-60000:${port}/udp` : `${port}/udp`))),
  ),
  volumes: optional(
    fc.uniqueArray(
      fc.constantFrom<string | object>(
        'data:/a',
        '/x:/b:ro',
        'data:/c:nocopy',
        '/y//:/d/../e:rslave',
        '/f',
        { type: 'volume', source: 'films', target: '/g', volume: { subpath: 'a/../b' } },
        { type: 'tmpfs', target: '/h', read_only: true, tmpfs: { size: '1m', mode: '0700' } },
      ),
      { maxLength: 4 },
    ),
  ),
  networks: optional(
    fc.constantFrom<unknown>(
      ['front'],
      { front: null, site: { priority: 5, driver_opts: { a: 1 } } },
      { front: { link_local_ips: ['169.254.1.1'], aliases: ['b', 'a'] } },
    ),
  ),
  healthcheck: optional(fc.record({ test: text.map((value) => `x${value}`), interval: fc.nat().map(formatDuration) })),
  mem_limit: optional(fc.nat()),
  cpus: optional(fc.double({ min: 1e-9, max: 64, noNaN: true })),
  restart: optional(fc.constantFrom('no', false, 'on-failure:2')),
  init: optional(fc.boolean()),
  tty: optional(fc.constantFrom(true, 'off')),
  tmpfs: optional(fc.constantFrom('/run', ['/run', '/tmp:mode=1777'])),
  cap_add: optional(fc.uniqueArray(fc.constantFrom('cap_sys_admin', 'NET_RAW'))),
  'x-any': optional(fc.jsonValue({ maxDepth: 2 }).filter((json) => !JSON.stringify(json).includes('__proto__'))),
})
const definedVolumes = {
  data: null,
  films: { driver: 'local', driver_opts: { type: 'nfs', o: 'addr=10.0.0.1', device: ':/films' } },
}
const definedNetworks = {
  front: { internal: false, attachable: true, enable_ipv6: 'yes', labels: ['a=b'] },
  site: { external: { name: 'plant' } },
  unused: {
    driver: 'macvlan',
    driver_opts: { parent: 'eth0.5' },
    ipam: { config: [{ subnet: '10.9.0.0/24', ip_range: '10.9.0.128/25', aux_addresses: { a: '10.9.0.1' } }] },
  },
}
export const validFile = fc
  .dictionary(fc.constantFrom('web', 'db', '1', 'constructor'), validService, { minKeys: 1 })
  .map((services) => escapeAll({ services, volumes: definedVolumes, networks: definedNetworks }))
  .map((file) => stringify(file, { keepUndefined: false, aliasDuplicateObjects: false }))

const escapeAll = (value: unknown): unknown => {
  if (typeof value === 'string') return escapeDollars(value)
  if (Array.isArray(value)) return value.map(escapeAll)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escapeAll(item)]))
}

/** Some keys of a service without mistakes, in forms that docker-compose 1.29 knows too. */
const names = ['A', 'B', 'C_D']
const values = fc.constantFrom('1', 'a b', 'x=y', 'true', '$$a')
const map = fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 3 })
const pairs = fc.oneof(
  map,
  map.map((entries) => Object.entries(entries).map(([name, value]) => `${name}=${value}`)),
)
const some = (...words: string[]) => fc.uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 3 })
export const serviceParts = fc.record(
  {
    command: fc.constantFrom('a b', 'a "b c"', ['x', 'y'], []),
    entrypoint: fc.constantFrom('e', ['e', 'f']),
    environment: pairs,
    labels: pairs,
    user: fc.constantFrom('me', '1000:1000'),
    ports: some('80', '53/udp', '90-92', '127.0.0.1::70'),
    expose: some('80', '81', '90-91'),
    volumes: fc.uniqueArray(
      fc.constantFrom('data:/a', 'other:/a:ro', '/x:/b', '/y:/b:ro', 'data:/c:nocopy', '/z:/d:rw'),
      { minLength: 1, maxLength: 3, selector: (mount) => mount.split(':')[1] },
    ),
    networks: fc.oneof(
      some('front', 'back', 'default'),
      fc.dictionary(
        fc.constantFrom('front', 'back'),
        fc.constantFrom(null, { aliases: ['x'] }, { aliases: ['y', 'x'] }),
        {
          minKeys: 1,
        },
      ),
    ),
    depends_on: fc.oneof(
      some('db', 'cache'),
      fc.dictionary(
        fc.constantFrom('db', 'cache'),
        fc.constantFrom({ condition: 'service_healthy' }, { condition: 'service_started' }),
        { minKeys: 1 },
      ),
    ),
    healthcheck: fc.record(
      { test: fc.constantFrom('t', ['CMD', 't']), interval: fc.constantFrom('5s', '1m30s'), retries: fc.nat(5) },
      { requiredKeys: ['test'] },
    ),
    logging: fc.record(
      { driver: fc.constantFrom('json-file', 'local'), options: fc.constant({ 'max-size': '1m' }) },
      { requiredKeys: [] },
    ),
    cap_add: some('NET_ADMIN', 'SYS_TIME', 'SYS_PTRACE'),
    tmpfs: fc.constantFrom('/run', ['/tmp']),
    mem_limit: fc.constantFrom('64m', '1gb', 100_000_000),
    cpus: fc.constantFrom(0.5, 2),
    restart: fc.constantFrom('always', 'no', 'on-failure:3'),
    stop_grace_period: fc.constantFrom('90s', '1m'),
    init: fc.boolean(),
  },
  { requiredKeys: [] },
)
