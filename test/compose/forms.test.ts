import { describe, expect, test } from 'vitest'
import { writeCompose } from '../../src/compose/write.ts'
import { keyOf, modelOf, withKey } from './support.ts'

const port = (target: number, published?: number | string, rest: object = {}) => ({
  target,
  ...(published === undefined ? {} : { published }),
  protocol: 'tcp',
  ...rest,
})
const data = { type: 'volume', source: 'data', target: '/d' }
const mount = (fields: string) => `[{ type: volume, source: data, target: /d, ${fields} }]`

/** [key, as written, as it stands in the model] */
const forms: [string, string, unknown][] = [
  ['command', 'run --name "a b" \'c d\' e\\ f', ['run', '--name', 'a b', 'c d', 'e f']],
  ['command', '[run, "a b"]', ['run', 'a b']],
  ['command', '', undefined],
  ['command', '""', []],
  ['command', '[]', []],
  ['command', '"echo \\"$$HOME\\""', ['echo', '$HOME']],
  ['entrypoint', '[]', []],
  ['entrypoint', '/run.sh -v', ['/run.sh', '-v']],

  [
    'environment',
    '{ A: 1.0, B: true, C: "x", D: 0x10, E: yes, F: "" }',
    { A: '1.0', B: 'true', C: 'x', D: '0x10', E: 'yes', F: '' },
  ],
  ['environment', '[A=1.0, B=, "C=a=b", D]', { A: '1.0', B: '', C: 'a=b', D: 'from outside' }],
  ['environment', '{ D: , NONE: }', { D: 'from outside' }],
  ['environment', '{ NONE: }', undefined],
  ['environment', '{}', undefined],
  ['labels', '{ a.b: 1, c: }', { 'a.b': '1', c: '' }],
  ['labels', '[a.b=1, c]', { 'a.b': '1', c: '' }],

  ['ports', '[80]', [port(80)]],
  ['ports', '["80"]', [port(80)]],
  ['ports', '["8080:80"]', [port(80, 8080)]],
  ['ports', '[8080:80]', [port(80, 8080)]],
  ['ports', '["8080:80/UDP"]', [port(80, 8080, { protocol: 'udp' })]],
  ['ports', '["127.0.0.1:8080:80"]', [port(80, 8080, { host_ip: '127.0.0.1' })]],
  ['ports', '["127.0.0.1::80"]', [port(80, undefined, { host_ip: '127.0.0.1' })]],
  ['ports', '["127.0.0.1:80"]', [port(80, undefined, { host_ip: '127.0.0.1' })]],
  ['ports', '["[::1]:8080:80"]', [port(80, 8080, { host_ip: '::1' })]],
  ['ports', '["[::1]::80"]', [port(80, undefined, { host_ip: '::1' })]],
  ['ports', '["3000-3001:4000-4001"]', [port(4000, 3000), port(4001, 3001)]],
  ['ports', '["3000-3001"]', [port(3000), port(3001)]],
  ['ports', '["0:80"]', [port(80)]],
  ['ports', '["${OUT_PORT}:80"]', [port(80, 8081)]],
  ['ports', '["81:81", "80:80", "81:81"]', [port(80, 80), port(81, 81)]],
  ['ports', '[{ target: 80 }]', [port(80)]],
  [
    'ports',
    '[{ target: "80", published: 8080, protocol: udp, host_ip: "::1" }]',
    [port(80, 8080, { protocol: 'udp', host_ip: '::1' })],
  ],
  ['ports', '[{ target: 80, published: "8080", mode: ingress, x-why: a }]', [port(80, 8080, { 'x-why': 'a' })]],
  ['ports', '[{ target: 80, published: "3000-3005" }]', [port(80, '3000-3005')]],
  [
    'ports',
    '["3000-3005:80", "127.0.0.1:90-91:80", "[::1]:90-91:80/udp"]',
    [
      port(80, '90-91', { host_ip: '127.0.0.1' }),
      port(80, '90-91', { host_ip: '::1', protocol: 'udp' }),
      port(80, '3000-3005'),
    ],
  ],
  [
    'ports',
    '["[fd00::1]:8080-8081:80-81"]',
    [port(80, 8080, { host_ip: 'fd00::1' }), port(81, 8081, { host_ip: 'fd00::1' })],
  ],
  ['ports', '[{ target: 80, host_ip: "[::]", published: "8080" }]', [port(80, 8080, { host_ip: '::' })]],
  ['ports', '[{ target: 80, name: web, app_protocol: http, mode: host }]', [port(80)]],
  ['ports', '[]', undefined],
  ['expose', '[3000, "3001/tcp", "53/udp", "8000-8010"]', ['3000', '3001', '53/udp', '8000-8010']],

  ['volumes', '[data:/d]', [data]],
  ['volumes', '["data:/d/:rw"]', [data]],
  ['volumes', '["data:/d:ro,nocopy,z"]', [{ ...data, read_only: true, volume: { nocopy: true } }]],
  ['volumes', '["/etc/x:/x:ro"]', [{ type: 'bind', source: '/etc/x', target: '/x', read_only: true }]],
  [
    'volumes',
    '["/a//b/:/x:rshared,Z"]',
    [{ type: 'bind', source: '/a/b', target: '/x', bind: { propagation: 'rshared' } }],
  ],
  [
    'volumes',
    '["data:/z", "/a:/b"]',
    [
      { type: 'bind', source: '/a', target: '/b' },
      { ...data, target: '/z' },
    ],
  ],
  ['volumes', mount('read_only: false, volume: { nocopy: false }'), [data]],
  [
    'volumes',
    mount('read_only: "true", volume: { nocopy: true }'),
    [{ ...data, read_only: true, volume: { nocopy: true } }],
  ],
  [
    'volumes',
    '[{ type: bind, source: /a, target: /b, bind: { create_host_path: true, propagation: rprivate, selinux: z } }]',
    [{ type: 'bind', source: '/a', target: '/b' }],
  ],
  [
    'volumes',
    '[{ type: bind, source: /a, target: /b, bind: { create_host_path: false } }]',
    [{ type: 'bind', source: '/a', target: '/b', bind: { create_host_path: false } }],
  ],
  ['volumes', '[/d]', [{ type: 'volume', target: '/d' }]],
  [
    'volumes',
    '[/d/, { type: volume, target: /e, read_only: true }]',
    [
      { type: 'volume', target: '/d' },
      { type: 'volume', target: '/e', read_only: true },
    ],
  ],
  ['volumes', mount('volume: { subpath: a/b/, labels: { a: b } }'), [{ ...data, volume: { subpath: 'a/b' } }]],
  [
    'volumes',
    '[{ type: bind, source: /a, target: /b, bind: { recursive: enabled } }]',
    [{ type: 'bind', source: '/a', target: '/b' }],
  ],
  ['volumes', '[{ type: tmpfs, target: /t, read_only: true }]', [{ type: 'tmpfs', target: '/t', read_only: true }]],
  ['volumes', '[{ type: tmpfs, target: /t }]', [{ type: 'tmpfs', target: '/t' }]],
  [
    'volumes',
    '[{ type: tmpfs, target: /t, tmpfs: { size: 16m, mode: 01777 } }]',
    [{ type: 'tmpfs', target: '/t', tmpfs: { size: 16 * 1024 ** 2, mode: 0o1777 } }],
  ],
  [
    'volumes',
    '[{ type: tmpfs, target: /t, tmpfs: { mode: "755" } }]',
    [{ type: 'tmpfs', target: '/t', tmpfs: { mode: 0o755 } }],
  ],
  [
    'volumes',
    '[{ type: tmpfs, target: /t, tmpfs: { mode: 493 } }]',
    [{ type: 'tmpfs', target: '/t', tmpfs: { mode: 0o755 } }],
  ],
  ['tmpfs', '/run', ['/run']],
  ['tmpfs', '[/tmp:size=1m, /run/]', ['/run', '/tmp:size=1m']],

  ['networks', '[front, back]', { front: {}, back: {} }],
  ['networks', '{ front: , back: { aliases: [b, a, a] } }', { front: {}, back: { aliases: ['a', 'b'] } }],
  ['networks', '{}', undefined],
  ['networks', '[default]', { default: {} }],
  ['network_mode', 'host', 'host'],

  ['healthcheck', '{ test: curl -f x }', { test: ['CMD-SHELL', 'curl -f x'] }],
  [
    'healthcheck',
    '{ test: [CMD, a, b], interval: 1m30s, timeout: 1500ms, start_period: 0s, retries: "3" }',
    { test: ['CMD', 'a', 'b'], interval: '90s', timeout: '1500ms', start_period: '0s', retries: 3 },
  ],
  ['healthcheck', '{ start_interval: 500ms }', { start_interval: '500ms' }],
  ['healthcheck', '{ disable: true }', { test: ['NONE'] }],
  ['healthcheck', '{ test: none }', { test: ['NONE'] }],
  ['healthcheck', '{ test: [NONE], interval: 5s }', { test: ['NONE'] }],
  ['healthcheck', '{ disable: false, interval: 1h }', { interval: '3600s' }],

  ['restart', 'no', 'no'],
  ['restart', 'false', 'no'],
  ['restart', '"no"', 'no'],
  ['restart', 'on-failure:3', 'on-failure:3'],
  ['user', '1000', '1000'],
  ['stop_grace_period', '1h1m1s', '3661s'],
  ['init', 'false', false],
  ['init', '"yes"', true],
  ['tty', 'false', undefined],
  ['read_only', '${RO}', true],
  ['shm_size', '64mb', 64 * 1024 ** 2],
  ['mem_limit', '${MEM:-64m}', 64 * 1024 ** 2],
  ['mem_limit', '1048576', 1048576],
  ['mem_limit', '1.5g', 1.5 * 1024 ** 3],
  ['mem_limit', '0', undefined],
  ['cpus', '"0.5"', 0.5],
  ['cpus', '0.50', 0.5],
  ['cpus', '2', 2],
  ['pids_limit', '"100"', 100],
  ['pids_limit', '-1', -1],
  ['cap_add', '[CAP_NET_RAW, sys_nice, NET_RAW]', ['NET_RAW', 'SYS_NICE']],
  ['cap_drop', '[all]', ['ALL']],
  ['security_opt', '[no-new-privileges]', ['no-new-privileges:true']],
  [
    'logging',
    '{ driver: json-file, options: { max-file: 3, max-size: 10m } }',
    { driver: 'json-file', options: { 'max-file': '3', 'max-size': '10m' } },
  ],
  ['pull_policy', 'if_not_present', 'missing'],
  ['deploy', '{ update_config: { monitor: 1m } }', { update_config: { monitor: '60s' } }],
  ['memswap_limit', '-1', -1],
  ['mem_reservation', '32m', 32 * 1024 ** 2],
  ['mem_swappiness', '"0"', 0],
  ['deploy', '{ resources: { reservations: { cpus: "0.5" } } }', undefined],
  ['cpuset', '0', '0'],
  ['cpuset', '0-1,3', '0-1,3'],
  ['cpu_shares', '512', 512],
  ['cpu_shares', '0', undefined],
  ['cpu_period', '100ms', 100_000],
  ['cpu_quota', '"50000"', 50_000],
  ['cpu_rt_runtime', '950000us', 950_000],
  [
    'blkio_config',
    '{ weight: 300, device_read_bps: [{ path: /dev/sdb, rate: 1m }, { path: /dev/sda, rate: 5 }] }',
    {
      weight: 300,
      device_read_bps: [
        { path: '/dev/sda', rate: 5 },
        { path: '/dev/sdb', rate: 1024 ** 2 },
      ],
    },
  ],
  ['blkio_config', '{}', undefined],
  ['extra_hosts', '["b:::1", "a=10.0.0.2", "a:10.0.0.1"]', ['a=10.0.0.2', 'a=10.0.0.1', 'b=::1']],
  ['extra_hosts', '{ b: "[::1]", a: [10.0.0.2, 10.0.0.1] }', ['a=10.0.0.2', 'a=10.0.0.1', 'b=::1']],
  ['extra_hosts', '["device:host-gateway"]', ['device=host-gateway']],
  ['dns', '8.8.8.8', ['8.8.8.8']],
  ['dns', '[9.9.9.9, 8.8.8.8, 9.9.9.9]', ['9.9.9.9', '8.8.8.8']],
  ['dns_search', '[b, a]', ['b', 'a']],
  ['dns_opt', '["use-vc"]', ['use-vc']],
  ['domainname', 'plant.example', 'plant.example'],
  ['group_add', '[dialout, 20, 20]', ['20', 'dialout']],
  ['ipc', 'shareable', 'shareable'],
  ['pid', 'host', 'host'],
  ['uts', 'host', 'host'],
  ['userns_mode', 'host', 'host'],
  ['cgroup', 'private', 'private'],
  ['sysctls', '[net.core.somaxconn=1024]', { 'net.core.somaxconn': '1024' }],
  ['sysctls', '{ net.core.somaxconn: 1024 }', { 'net.core.somaxconn': '1024' }],
  ['ulimits', '{ nofile: 1024 }', { nofile: { soft: 1024, hard: 1024 } }],
  ['ulimits', '{ nofile: { soft: 10, hard: "-1" } }', { nofile: { soft: 10, hard: -1 } }],
  ['devices', '[/dev/ttyUSB0]', [{ source: '/dev/ttyUSB0' }]],
  ['devices', '["/dev/ttyUSB0:/dev/ttyUSB0:mrw"]', [{ source: '/dev/ttyUSB0' }]],
  [
    'devices',
    '["/dev/b:/dev/x:r", "/dev/a:rw"]',
    [
      { source: '/dev/a', permissions: 'rw' },
      { source: '/dev/b', target: '/dev/x', permissions: 'r' },
    ],
  ],
  ['devices', '[{ source: /dev/a, target: /dev/x }]', [{ source: '/dev/a', target: '/dev/x' }]],
  ['devices', '["vendor.com/class=one"]', [{ source: 'vendor.com/class=one' }]],
  ['device_cgroup_rules', '["c 188:*  mrw"]', ['c 188:* rwm']],
  ['gpus', 'all', [{}]],
  ['gpus', '[{ count: all }]', [{}]],
  ['gpus', '[{ driver: nvidia, device_ids: ["1", "0"] }]', [{ driver: 'nvidia', device_ids: ['0', '1'] }]],
  [
    'deploy',
    '{ resources: { reservations: { devices: [{ capabilities: [tpu], count: 2, options: [a=b] }] } } }',
    { resources: { reservations: { devices: [{ capabilities: ['tpu'], count: 2, options: { a: 'b' } }] } } },
  ],
  ['oom_kill_disable', 'false', undefined],
  ['oom_score_adj', '-500', -500],
  ['mac_address', '02-42-AC-11-65-43', '02:42:ac:11:65:43'],
  ['storage_opt', '{ size: 1G }', { size: '1G' }],
  ['privileged', 'true', true],
  ['privileged', 'false', undefined],
  ['annotations', '[a=b, c]', { a: 'b', c: '' }],
  ['platform', 'Linux/arm64/v8', 'linux/arm64/v8'],
  ['platform', 'linux/x86_64', 'linux/amd64'],
  ['attach', 'false', undefined],
  ['build', '.', undefined],
  ['develop', '{ watch: [] }', undefined],
  [
    'deploy',
    '{ update_config: { order: start-first, parallelism: 0, delay: 10s, failure_action: rollback, max_failure_ratio: .5 } }',
    {
      update_config: {
        order: 'start-first',
        parallelism: 0,
        delay: '10s',
        failure_action: 'rollback',
        max_failure_ratio: 0.5,
      },
    },
  ],
  ['deploy', '{ rollback_config: { order: stop-first } }', { rollback_config: { order: 'stop-first' } }],
  ['deploy', '{ labels: {a: b}, placement: {}, restart_policy: {condition: any} }', undefined],
  ['x-mine', '{ a: [1, "2", null, true] }', { a: [1, '2', null, true] }],
]

const variables = { D: 'from outside', OUT_PORT: '8081', RO: 'true' }

describe('every form of a key comes to its one spelling', () => {
  test.each(forms)('%s: %s', (key, written, expected) => {
    expect(keyOf(key, written, { variables })).toEqual(expected)
  })
})

test('keys that name another service', () => {
  const web = (line: string) => modelOf(withKey(line, '  b: {image: x, ipc: shareable}\n  a: {image: x}')).services.web
  expect(web('pid: service:b')).toMatchObject({ pid: 'service:b' })
  expect(web('ipc: service:b')).toMatchObject({ ipc: 'service:b' })
  expect(web('volumes_from: ["b:rw", "a:ro"]')).toMatchObject({ volumes_from: ['b', 'a:ro'] })
  expect(web('links: ["b:db", "a:a"]')).toMatchObject({ links: ['a', 'b:db'] })
})

test.each(forms)('what %s: %s came to is read as it stands', (key, written) => {
  const model = modelOf(withKey(`${key}: ${written}`, 'volumes: {data: }\nnetworks: {front: , back: }\n'), {
    variables,
  })
  expect(modelOf(writeCompose(model))).toEqual(model)
})

describe('the same meaning makes the same model', () => {
  const same = (title: string, one: string, other: string) =>
    test(title, () => {
      expect(modelOf(one)).toEqual(modelOf(other))
    })

  same(
    'limits under deploy and beside it',
    withKey('mem_limit: 64m'),
    withKey('deploy: {resources: {limits: {memory: 65536k}}}'),
  )
  same(
    'limits in both places',
    withKey('cpus: 0.5'),
    withKey('cpus: "0.50"\n    deploy: {resources: {limits: {cpus: 0.5}}}'),
  )
  same(
    'reserved memory under deploy and beside it',
    withKey('mem_reservation: 64m'),
    withKey('deploy: {resources: {reservations: {memory: 65536k}}}'),
  )
  same(
    'ports in any order',
    withKey('ports: ["80:80", "443:443"]'),
    withKey('ports: [{target: 443, published: 443}, "80:80/tcp"]'),
  )
  same(
    'dependencies as list and as map',
    withKey('depends_on: [db]', '  db: {image: pg}'),
    withKey('depends_on: {db: {condition: service_started, required: true, restart: false}}', '  db: {image: pg}'),
  )
  same(
    'an anchor and the same written out',
    'x-e: &e {A: "1", B: "2"}\nservices: {a: {image: x, environment: {<<: *e, B: "3"}}}',
    'x-e: {A: "1", B: "2"}\nservices: {a: {image: x, environment: {B: "3", A: 1}}}',
  )
  same(
    'a merge of two maps, the first of which wins',
    'x-e: &e {restart: "no"}\nx-f: &f {restart: always, tty: true}\nservices: {a: {<<: [*e, *f], image: x}}',
    'x-e: {restart: "no"}\nx-f: {restart: always, tty: true}\nservices: {a: {image: x, tty: true, restart: "no"}}',
  )
})

describe('environment files', () => {
  const files: Record<string, string> = {
    'a.env': 'A=a\nB=a\nC=$D-$E\n',
    'b.env': 'B=b\n',
    'raw.env': 'R="$X"\n',
  }
  const environmentOf = (lines: string) =>
    modelOf(withKey(lines), { readFile: (path) => files[path], variables: { D: 'd' } }).services.web?.environment

  test.each([
    ['env_file: a.env\n    environment: {E: e}', { A: 'a', B: 'a', C: 'd-e', E: 'e' }],
    ['env_file: [a.env, b.env]\n    environment: {E: e, A: own}', { A: 'own', B: 'b', C: 'd-e', E: 'e' }],
    ['env_file: [{path: raw.env, format: raw}]', { R: '"$X"' }],
    ['env_file: [{path: none.env, required: false}]', undefined],
  ])('%s', (lines, expected) => {
    expect(environmentOf(lines)).toEqual(expected)
  })
})

test.each([
  ['{condition: none}', 'no'],
  ['{condition: any, delay: 5s}', 'always'],
  ['{}', 'always'],
  ['{condition: on-failure}', 'on-failure'],
  ['{condition: on-failure, max_attempts: 3, window: 1m}', 'on-failure:3'],
  ['{condition: on-failure, max_attempts: 0}', 'on-failure'],
])('deploy.restart_policy %s is restart: %s, whatever restart says', (policy, restart) => {
  const lines = `restart: unless-stopped\n    deploy: {restart_policy: ${policy}}`
  expect(modelOf(withKey(lines)).services.web).toEqual({ image: 'nginx', restart })
})

test('labels of files stand under those of the service, and a later file over an earlier one', () => {
  const files: Record<string, string> = { 'a.labels': 'a=1\nb=1\nc=1\n', 'b.labels': 'b=2\n' }
  const model = modelOf(withKey('label_file: [a.labels, b.labels]\n    labels: {c: own}'), {
    readFile: (path) => files[path],
  })
  expect(model.services.web).toEqual({ image: 'nginx', labels: { a: '1', b: '2', c: 'own' } })
})
