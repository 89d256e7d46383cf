import { describe, expect, test } from 'vitest'
import { type Level, levels, ruleOf } from '../../src/compose/keys.ts'
import { faultsOf, read, summary, withKey } from './support.ts'

describe('a file that cannot be read says why, once', () => {
  test.each([
    ['an empty file', '', 'yaml-invalid 1:1 '],
    ['only comments', '# nothing\n', 'yaml-invalid 1:1 '],
    ['a list', '- a\n', 'yaml-invalid 1:1 '],
    ['a text', 'services\n', 'yaml-invalid 1:1 '],
    ['broken YAML', 'services:\n  web: [a\n', 'yaml-invalid 3:1 '],
    ['a tab', 'services:\n\tweb: a\n', 'yaml-invalid 2:1 '],
    ['two documents', 'services: {a: {image: x}}\n---\nb: 1\n', 'yaml-invalid 2:1 '],
    ['a tag', 'services: {a: {image: !secret x}}\n', 'yaml-invalid 1:23 '],
    ['a key used twice', withKey('image: other'), 'yaml-invalid 4:5 services.web.image'],
    ['an alias without anchor', withKey('labels: *none'), 'yaml-invalid 4:13 services.web.labels'],
    ['a list of keys', withKey('? [a]\n    : b'), 'yaml-invalid 4:7 services.web'],
    ['no services', 'volumes: {a: }\n', 'value-invalid 1:1 '],
    ['empty services', 'services: {}\n', 'value-invalid 1:1 services'],
    ['services as a list', 'services: [a]\n', 'value-invalid 1:11 services'],
    ['a service of nothing', 'services:\n  web:\n', 'value-invalid 2:3 services.web'],
  ])('%s', (_, text, expected) => {
    expect(summary(text)).toEqual([expected])
  })

  test('anchors that unfold without end', () => {
    const line = (name: string, of: string) => `x-${name}: &${name} [${`*${of},`.repeat(10)}]\n`
    const bomb = ['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, index) => line(name, 'abcdefg'[index] as string))
    expect(faultsOf(`x-a: &a [1]\n${bomb.join('')}services: {a: {image: x}}`)[0]).toMatchObject({
      code: 'yaml-invalid',
      remedy: 'use fewer aliases',
    })
  })

  test('an anchor that holds itself', () => {
    expect(faultsOf('x-a: &a [*a]\nservices: {a: {image: x}}')[0]).toMatchObject({ code: 'yaml-invalid' })
  })
})

/** [line of the service, code column path, what to do] */
const bad: [string, string, RegExp][] = [
  ['imagee: x', 'key-unknown 4:5 services.web.imagee', /did you mean image\?/],
  ['enviroment: {}', 'key-unknown 4:5 services.web.enviroment', /did you mean environment\?/],
  ['services: {}', 'key-unknown 4:5 services.web.services', /Top level/],
  ['deploy: {x-longshore: {}}', 'key-unsupported 4:14 services.web.deploy.x-longshore', /top level/],
  ['healthcheck: {start_interval: 1}', 'value-invalid 4:35 services.web.healthcheck.start_interval', /1m30s/],
  [
    'deploy: {resources: {reservations: {generic_resources: []}}}',
    'key-unsupported 4:41 services.web.deploy.resources.reservations.generic_resources',
    /Swarm/,
  ],
  ['ports: 80', 'value-invalid 4:12 services.web.ports', /list/],
  ['ports:', 'value-invalid 4:5 services.web.ports', /remove the key/],
  ['ports: ["x"]', 'value-invalid 4:13 services.web.ports[0]', /HOST_PORT/],
  ['ports: ["70000:80"]', 'value-invalid 4:13 services.web.ports[0]', /HOST_PORT/],
  ['ports: ["80/icmp"]', 'value-invalid 4:13 services.web.ports[0]', /tcp, udp or sctp/],
  ['ports: ["::1:80:80"]', 'value-invalid 4:13 services.web.ports[0]', /HOST_PORT/],
  ['ports: ["300.0.0.1:80:80"]', 'value-invalid 4:13 services.web.ports[0]', /HOST_PORT/],
  ['ports: ["8000-8002:80-81"]', 'value-invalid 4:13 services.web.ports[0]', /same number/],
  ['ports: ["1-60000:1-60000"]', 'value-invalid 4:12 services.web.ports', /network_mode: host/],
  ['ports: [{published: 80}]', 'value-invalid 4:13 services.web.ports[0]', /target/],
  ['ports: ["81:80", "80-85:80"]', 'port-duplicate 4:13 services.web.ports[0]', /another host port/],
  ['ports: ["5-1:80"]', 'value-invalid 4:13 services.web.ports[0]', /HOST_PORT/],
  ['ports: ["3000-3001:80"]\n    scale: 3', 'value-invalid 4:5 services.web.ports', /mend/],
  [
    'ports: ["80:80"]\n    deploy: {update_config: {order: start-first}}',
    'value-invalid 5:37 services.web.deploy.update_config.order',
    /mend/,
  ],
  [
    'network_mode: host\n    deploy: {rollback_config: {order: start-first}}',
    'value-invalid 5:39 services.web.deploy.rollback_config.order',
    /mend/,
  ],
  [
    'devices: [/dev/ttyUSB0]\n    deploy: {update_config: {order: start-first}}',
    'value-invalid 5:37 services.web.deploy.update_config.order',
    /mend/,
  ],
  ['ports: ["80:80", "80:81"]', 'port-duplicate 4:22 services.web.ports[1]', /another host port/],
  ['command: "a \'b"', 'value-invalid 4:14 services.web.command', /quotes/],
  ['command: [sleep, 10]', 'value-invalid 4:22 services.web.command[1]', /"10"/],
  ['command: {a: b}', 'value-invalid 4:14 services.web.command', /text or a list/],
  ['environment: [=x]', 'value-invalid 4:19 services.web.environment[0]', /NAME=value/],
  ['environment: [A: x]', 'value-invalid 4:19 services.web.environment[0]', /NAME=value after each dash/],
  ['environment: {A: [1]}', 'value-invalid 4:22 services.web.environment.A', /text/],
  ['environment: {A: "$NONE"}', 'variable-undefined 4:23 services.web.environment.A', /--set/],
  ['environment: {A: "x ${B"}', 'variable-invalid 4:25 services.web.environment.A', /\$\$/],
  ['environment: {A: "a\\0b"}', 'value-invalid 4:22 services.web.environment.A', /remove/],
  ['environment: {__proto__: a}', 'value-invalid 4:19 services.web.environment.__proto__', /another name/],
  ['env_file: none.env', 'file-unreadable 4:15 services.web.env_file', /required: false/],
  ['volumes: ["../a:/b"]', 'file-outside 4:15 services.web.volumes[0]', /--project-directory/],
  ['volumes: ["./a/../../b:/b"]', 'file-outside 4:15 services.web.volumes[0]', /--project-directory/],
  ['volumes: ["~/a:/b"]', 'file-outside 4:15 services.web.volumes[0]', /absolute path/],
  ['volumes: [data]', 'value-invalid 4:15 services.web.volumes[0]', /whole path/],
  ['volumes: [./data]', 'value-invalid 4:15 services.web.volumes[0]', /whole path/],
  ['volumes: [/data, /data]', 'value-invalid 4:22 services.web.volumes[1]', /mend/],
  [
    'volumes: [{type: volume, source: data, target: /d, volume: {subpath: ../a}}]\nvolumes: {data: }',
    'value-invalid 4:74 services.web.volumes[0].volume.subpath',
    /relative path/,
  ],
  [
    'volumes: [{type: volume, target: /d, volume: {subpath: a}}]',
    'value-invalid 4:15 services.web.volumes[0]',
    /source/,
  ],
  ['volumes: [{type: cluster, target: /d}]', 'key-unsupported 4:22 services.web.volumes[0].type', /Swarm/],
  ['volumes: [{type: image, target: /d}]', 'key-unsupported 4:22 services.web.volumes[0].type', /into the image/],
  [
    'volumes: [{type: bind, source: /a, target: /d, bind: {recursive: disabled}}]',
    'value-invalid 4:70 services.web.volumes[0].bind.recursive',
    /remove it/,
  ],
  ['volumes: [{type: bind, source: a/../.., target: /d}]', 'file-outside 4:15 services.web.volumes[0]', /move it/],
  ['configs: [none]', 'reference-missing 4:15 services.web.configs[0]', /define it/],
  ['secrets: [{source: none}]', 'reference-missing 4:15 services.web.secrets[0]', /define it/],
  ['secrets: [{target: a}]', 'value-invalid 4:15 services.web.secrets[0]', /the name at top level/],
  ['x-longshore: {secretEnv: {A: none}}', 'reference-missing 4:34 services.web.x-longshore.secretEnv.A', /define it/],
  ['x-longshore: {secretEnvFiles: [../a.env]}', 'file-outside 2:3 services.web', /beside the Compose file/],
  ['x-longshore: {secretenv: {}}', 'key-unknown 4:19 services.web.x-longshore.secretenv', /secretEnv/],
  ['volumes: ["a/b:/d"]', 'value-invalid 4:15 services.web.volumes[0]', /absolute path/],
  ['volumes: ["none:/d"]', 'reference-missing 4:15 services.web.volumes[0]', /define it/],
  ['volumes: ["/a:d"]', 'value-invalid 4:15 services.web.volumes[0]', /whole path/],
  ['volumes: ["/a:/b:rx"]', 'value-invalid 4:15 services.web.volumes[0]', /rw, ro/],
  ['volumes: ["/a:/b", "/c:/b"]', 'value-invalid 4:24 services.web.volumes[1]', /mend/],
  ['volumes: [{type: npipe, source: a, target: /b}]', 'key-unsupported 4:22 services.web.volumes[0].type', /Windows/],
  ['networks: [none]', 'reference-missing 4:16 services.web.networks.none', /define it/],
  ['network_mode: container:x', 'value-invalid 4:19 services.web.network_mode', /service:NAME/],
  ['network_mode: service:none', 'reference-missing 4:19 services.web.network_mode', /define it/],
  ['depends_on: [none]', 'reference-missing 4:18 services.web.depends_on.none', /define it/],
  ['depends_on: [web]', 'dependency-cycle 4:5 services.web.depends_on', /out of the circle/],
  ['depends_on: {web: {}}', 'value-invalid 4:23 services.web.depends_on.web', /condition/],
  ['healthcheck: {test: [curl, x]}', 'value-invalid 4:25 services.web.healthcheck.test', /CMD-SHELL/],
  ['healthcheck: {interval: 30}', 'value-invalid 4:29 services.web.healthcheck.interval', /1m30s/],
  ['restart: true', 'value-invalid 4:14 services.web.restart', /unless-stopped/],
  ['container_name: "a b"', 'value-invalid 4:21 services.web.container_name', /container name/],
  ['hostname: 5', 'value-invalid 4:15 services.web.hostname', /"5"/],
  ['read_only: maybe', 'value-invalid 4:16 services.web.read_only', /true or false/],
  ['mem_limit: much', 'value-invalid 4:16 services.web.mem_limit', /64m/],
  [
    'mem_limit: 1m\n    deploy: {resources: {limits: {memory: 2m}}}',
    'value-invalid 4:16 services.web.mem_limit',
    /mend/,
  ],
  ['cpus: -1', 'value-invalid 4:11 services.web.cpus', /CPUs/],
  ['pids_limit: 1.5', 'value-invalid 4:17 services.web.pids_limit', /whole number/],
  ['cap_add: ["NET ADMIN"]', 'value-invalid 4:15 services.web.cap_add[0]', /NET_ADMIN/],
  ['pid: service:none', 'reference-missing 4:10 services.web.pid', /define it/],
  ['pid: service:web', 'dependency-cycle 2:3 services.web.depends_on', /circle/],
  ['ipc: service:none', 'reference-missing 4:10 services.web.ipc', /define it/],
  ['volumes_from: [container:x]', 'value-invalid 4:20 services.web.volumes_from[0]', /service of this file/],
  ['volumes_from: [none]', 'reference-missing 4:5 services.web.volumes_from', /define it/],
  ['links: ["none:n"]', 'reference-missing 4:13 services.web.links[0]', /define it/],
  [
    'deploy: {placement: {constraints: [a]}}',
    'value-invalid 4:40 services.web.deploy.placement.constraints[0]',
    /node.labels.line == 3/,
  ],
  ['deploy: {endpoint_mode: vip}', 'key-unsupported 4:14 services.web.deploy.endpoint_mode', /Swarm/],
  [
    'deploy: {restart_policy: {condition: maybe}}',
    'value-invalid 4:42 services.web.deploy.restart_policy.condition',
    /on-failure/,
  ],
  [
    'deploy: {update_config: {max_failure_ratio: 2}}',
    'value-invalid 4:49 services.web.deploy.update_config.max_failure_ratio',
    /between 0 and 1/,
  ],
  [
    'deploy: {rollback_config: {failure_action: rollback}}',
    'value-invalid 4:48 services.web.deploy.rollback_config.failure_action',
    /continue or pause/,
  ],
  ['memswap_limit: 1g', 'value-invalid 4:20 services.web.memswap_limit', /mend/],
  ['mem_limit: 1g\n    memswap_limit: 1m', 'value-invalid 5:20 services.web.memswap_limit', /mend/],
  ['mem_limit: 1m\n    mem_reservation: 2m', 'value-invalid 5:22 services.web.mem_reservation', /mend/],
  ['cpus: 1\n    cpu_quota: 5', 'value-invalid 5:16 services.web.cpu_quota', /mend/],
  ['cpuset: all', 'value-invalid 4:13 services.web.cpuset', /0-3/],
  ['cpu_period: soon', 'value-invalid 4:17 services.web.cpu_period', /microseconds/],
  ['mem_swappiness: 101', 'value-invalid 4:21 services.web.mem_swappiness', /between 0 and 100/],
  ['blkio_config: {weight: 5}', 'value-invalid 4:28 services.web.blkio_config.weight', /between 10/],
  [
    'blkio_config: {device_read_bps: [{path: /dev/sda}]}',
    'value-invalid 4:38 services.web.blkio_config.device_read_bps[0]',
    /path and rate/,
  ],
  ['extra_hosts: [a]', 'value-invalid 4:19 services.web.extra_hosts[0]', /host-gateway/],
  ['extra_hosts: {a: b}', 'value-invalid 4:22 services.web.extra_hosts.a', /IP address/],
  ['dns: [here]', 'value-invalid 4:11 services.web.dns[0]', /IP address/],
  ['ipc: container:x', 'value-invalid 4:10 services.web.ipc', /service:NAME/],
  ['pid: private', 'value-invalid 4:10 services.web.pid', /host/],
  ['userns_mode: none', 'value-invalid 4:18 services.web.userns_mode', /Podman/],
  ['uts: host\n    hostname: a', 'value-invalid 4:10 services.web.uts', /mend/],
  ['sysctls: [a]', 'value-invalid 4:14 services.web.sysctls', /value for a/],
  ['ulimits: {nofile: {soft: 1}}', 'value-invalid 4:23 services.web.ulimits.nofile', /soft and hard/],
  ['ulimits: {nofile: {soft: 2, hard: 1}}', 'value-invalid 4:5 services.web.ulimits', /mend/],
  ['devices: [dev/x]', 'value-invalid 4:15 services.web.devices[0]', /CDI/],
  ['devices: ["/dev/x:/dev/y:rr"]', 'value-invalid 4:15 services.web.devices[0]', /rwm/],
  ['device_cgroup_rules: [all]', 'value-invalid 4:27 services.web.device_cgroup_rules[0]', /188/],
  ['gpus: some', 'value-invalid 4:11 services.web.gpus', /all, or a list/],
  ['gpus: [{count: 1, device_ids: ["0"]}]', 'value-invalid 4:12 services.web.gpus[0]', /keep one/],
  [
    'deploy: {resources: {reservations: {devices: [{count: 1}]}}}',
    'value-invalid 4:51 services.web.deploy.resources.reservations.devices[0]',
    /gpu/,
  ],
  ['mac_address: here', 'value-invalid 4:18 services.web.mac_address', /02:42/],
  ['network_mode: host\n    mac_address: 02:42:ac:11:65:43', 'value-invalid 5:18 services.web.mac_address', /mend/],
  ['platform: arm', 'value-invalid 4:15 services.web.platform', /linux.arm64/],
  ['label_file: none', 'file-unreadable 4:17 services.web.label_file', /path/],
  ['cpu_count: 1', 'key-unsupported 4:5 services.web.cpu_count', /Windows/],
  ['pre_stop: []', 'key-unsupported 4:5 services.web.pre_stop', /stop_signal/],
  ['post_start: []', 'key-unsupported 4:5 services.web.post_start', /entrypoint/],
  ['external_links: [a]', 'key-unsupported 4:5 services.web.external_links', /network/],
  ['use_api_socket: true', 'key-unsupported 4:5 services.web.use_api_socket', /socket/],
  ['pull_policy: often', 'value-invalid 4:18 services.web.pull_policy', /always, missing or never/],
  ['pull_policy: build', 'value-invalid 4:18 services.web.pull_policy', /build and push/],
  ['pull_policy: daily', 'value-invalid 4:18 services.web.pull_policy', /always/],
  ['pull_policy: every_12h', 'value-invalid 4:18 services.web.pull_policy', /each deployment/],
  ['x-n: .nan', 'value-invalid 4:10 services.web.x-n', /mend/],
]

describe('a bad value is one fault with its line, column, path and what to do', () => {
  test.each(bad)('%s', (line, expected, remedy) => {
    const text = withKey(line)
    expect(summary(text)).toEqual([expected])
    expect(faultsOf(text)[0]?.remedy).toMatch(remedy)
    expect(faultsOf(text)[0]?.place.file).toBe('compose.yaml')
  })

  test.each([
    [
      'an image that does not parse',
      'services: {web: {image: "Nginx:La test"}}',
      'image-invalid 1:25 services.web.image',
    ],
    ['an image that is a list', 'services: {web: {image: [a]}}', 'value-invalid 1:25 services.web.image'],
    ['build alone', 'services: {web: {build: .}}', 'key-unsupported 1:18 services.web.build'],
    ['no image', 'services:\n  web:\n    tty: true\n', 'value-invalid 2:3 services.web'],
    ['a service name with a dot', 'services: {my.web: {image: a}}', 'value-invalid 1:12 services.my.web'],
    ['an app at top level', 'web: {image: a}\nservices: {web: {image: a}}', 'key-unknown 1:1 web'],
    ['x-longshore', withKey('', 'x-longshore: {update: {dedline: 1s}}'), 'key-unknown 5:24 x-longshore.update.dedline'],
  ])('%s', (_, text, expected) => {
    expect(summary(text)).toEqual([expected])
  })

  test('a circle of services is one fault that names the way round', () => {
    const service = (of: string) => `{image: x, depends_on: [${of}]}`
    const faults = faultsOf(`services:\n  a: ${service('b')}\n  b: ${service('c')}\n  c: ${service('a')}\n`)
    expect(faults).toMatchObject([{ code: 'dependency-cycle', place: { line: 2 } }])
    expect(faults[0]?.message).toContain('a → b → c → a')
  })

  test('a host port used by two services is one fault at the second', () => {
    const text = 'services:\n  a: {image: x, ports: ["99:1", "80:80"]}\n  b: {image: x, ports: ["127.0.0.1:80:8080"]}\n'
    expect(summary(text)).toEqual(['port-duplicate 3:25 services.b.ports[0]'])
  })

  test('one image for two platforms is a fault at the second service', () => {
    const text = 'services:\n  a: {image: x, platform: linux/arm64}\n  b: {image: x, platform: linux/amd64}\n'
    expect(summary(text)).toEqual(['value-invalid 3:27 services.b.platform'])
  })

  test('who joins the memory of another needs it to be shareable', () => {
    const text = 'services:\n  a: {image: x, ipc: "service:b"}\n  b: {image: x}\n'
    expect(summary(text)).toEqual(['value-invalid 2:22 services.a.ipc'])
    expect(read(text.replace('b: {', 'b: {ipc: shareable, ')).ok).toBe(true)
  })

  test.each(['hostname: a', 'dns: [9.9.9.9]', 'extra_hosts: [a=9.9.9.9]', 'expose: ["80"]'])(
    '%s is a fault where the network is that of another service',
    (line) => {
      const [fault] = faultsOf(withKey(`network_mode: service:b\n    ${line}`, '  b: {image: x}'))
      expect(fault?.path).toContain(line.split(':')[0])
    },
  )

  test('a link needs a network that both are on', () => {
    const text = 'services:\n  a: {image: x, links: [b]}\n  b: {image: x, network_mode: none}\n'
    expect(summary(text)).toEqual(['value-invalid 2:25 services.a.links[0]'])
  })

  test('a mistake in an environment file is given with the line of that file', () => {
    const [fault] = faultsOf(withKey('env_file: x.env'), { readFile: () => 'A=1\nB="\n' })
    expect(fault).toMatchObject({
      code: 'value-invalid',
      path: 'services.web.env_file',
      place: { file: 'x.env', line: 2 },
    })
  })

  test('an app that is no name is a fault', () => {
    expect(summary(withKey('tty: true'), { app: 'No Name' })).toEqual(['value-invalid 1:1 name'])
  })
})

test('every mistake of a file is reported at once, in its order', () => {
  const text =
    'services:\n  a: {image: $X, tty: 1, porst: [1]}\n  b: {image: A A, depends_on: [c], volumes: [../x:/y, "n:/z"]}\n'
  expect(summary(text).map((line) => line.split(' ')[0])).toEqual([
    'variable-undefined',
    'value-invalid',
    'key-unknown',
    'image-invalid',
    'reference-missing',
    'file-outside',
    'reference-missing',
  ])
})

test('a mistake in an anchor is reported once, however often it is used', () => {
  expect(
    summary('x-a: &a {A: $X}\nservices: {a: {image: x, environment: *a}, b: {image: x, environment: *a}}'),
  ).toHaveLength(1)
})

describe('what is ignored is said', () => {
  test.each([
    ['version: "3"\nservices: {a: {image: x}}', 'version'],
    ['name: other\nservices: {a: {image: x}}', 'name'],
    [withKey('volumes: ["/a:/b:z"]'), 'services.web.volumes[0]'],
    [withKey('ports: [{target: 1, mode: host}]'), 'services.web.ports[0].mode'],
    [withKey('environment: [NONE]'), 'services.web'],
    [withKey('attach: false'), 'services.web.attach'],
    [withKey('build: .'), 'services.web.build'],
    [withKey('develop: {watch: []}'), 'services.web.develop'],
    [withKey('links: ["db:database"]', '  db: {image: x}'), 'services.web.links[0]'],
    [withKey('deploy: {labels: [a=b]}'), 'services.web.deploy.labels'],
    [withKey('deploy: {resources: {reservations: {cpus: "1"}}}'), 'services.web.deploy.resources.reservations.cpus'],
    [withKey('deploy: {restart_policy: {delay: 1s}}'), 'services.web.deploy.restart_policy.delay'],
    [withKey('deploy: {restart_policy: {max_attempts: 1}}'), 'services.web.deploy.restart_policy'],
    [withKey('restart: "no"\n    deploy: {restart_policy: {}}'), 'services.web.restart'],
    [
      withKey('deploy: {rollback_config: {failure_action: continue}}'),
      'services.web.deploy.rollback_config.failure_action',
    ],
  ])('%j', (text, path) => {
    expect(read(text)).toMatchObject({ ok: true, notes: [{ path }] })
  })
})

test('every refused key of a service is refused by name with its advice', () => {
  const level: Level = 'service'
  for (const key of Object.keys(levels[level].keys)) {
    const rule = ruleOf(level, key)
    if (typeof rule === 'string')
      expect(faultsOf(withKey(`${key}: {}`))).toMatchObject([{ code: 'key-unsupported', remedy: rule }])
  }
})
