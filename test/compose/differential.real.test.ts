/** Our reading of Compose files beside docker-compose's own: equal, or different in a way that is named here. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import type { Model } from '../../src/compose/model.ts'
import { serviceParts } from './arbitraries.ts'
import { type Files, isOracle, printConfig } from './docker-compose.ts'
import { faultsOfFiles, modelOfFiles, readFiles } from './support.ts'
import '../support/seed.ts'

beforeAll(async () => {
  if (!(await isOracle())) throw new Error('docker-compose 1.29 is wanted here, as Debian 12 and Ubuntu 24.04 have it')
})

type Case = { readonly files: Files; readonly given: readonly string[] }

/** What it printed is itself a Compose file, whose dollar signs are doubled: our own reader tells what it means. */
const theirs = async ({ files, given }: Case): Promise<Model> => {
  const printed = await printConfig(files, given)
  if (!printed.ok) throw new Error(`docker-compose refuses: ${printed.why}`)
  return modelOfFiles({ 'printed.yaml': fromYaml11(printed.text) }, { profiles: ['*'] })
}

/** It prints YAML 1.1, where `no` is no text. */
const fromYaml11 = (text: string): string => stringify(parse(text, { version: '1.1' }), { version: '1.2' })

const ours = ({ files, given }: Case): Model =>
  modelOfFiles(files, { given, profiles: ['*'], variables: dotenv(files['.env']) })

const dotenv = (text = ''): Record<string, string> =>
  Object.fromEntries(text.split('\n').flatMap((line) => (line.includes('=') ? [line.split('=', 2)] : [])))

const service = (...lines: string[]): string =>
  `services:\n  web:\n    image: nginx\n${lines.map((line) => `    ${line}\n`).join('')}`
const others = '  db: {image: postgres}\n  cache: {image: redis}\n'
const definitions = 'networks: {front: , back: }\nvolumes: {data: , other: {name: shared}}\n'
const two = (base: string[], over: string[], more: Files = {}): Case => ({
  files: { 'a.yml': service(...base) + others + definitions, 'b.yml': service(...over), ...more },
  given: ['a.yml', 'b.yml'],
})
const one = (lines: string[], more: Files = {}): Case => ({
  files: { 'a.yml': service(...lines) + others + definitions, ...more },
  given: ['a.yml'],
})

const sets: Readonly<Record<string, Case>> = {
  'scalars and commands are replaced': two(
    ['command: a b "c d"', 'entrypoint: [x]', 'user: "1"', 'restart: always', 'tty: true', 'stop_grace_period: 1m30s'],
    ['command: [c]', 'entrypoint: y z', 'user: me', 'restart: "no"', 'init: true', 'working_dir: /w', 'hostname: h'],
  ),
  'environment in a list and in a map': two(
    ['environment: [A=1, B=2, C, "D=a=b"]', 'labels: {a: 1, b: "x y"}'],
    ['environment: {B: 3, D: , E: 1, F: 1.5}', 'labels: [b=2, c]'],
  ),
  'ports in every form': two(
    ['ports: ["8080:80", "127.0.0.1:9:9/udp", "3000-3002:3000-3002", "53", {target: 99, published: 100}]'],
    ['ports: ["8080:80", "3001:3001", "8081:81/tcp", {target: 53, published: 54, protocol: udp}]'],
  ),
  'volumes, by target': two(
    ['volumes: ["data:/d:ro", "/x:/y", "other:/o:nocopy", {type: tmpfs, target: /t}]'],
    ['volumes: ["/new:/y:ro", "data:/other", {type: volume, source: data, target: /o, read_only: true}]'],
  ),
  'networks in a list and in a map': two(
    ['networks: [front, default]'],
    ['networks: {back: {aliases: [x, y]}, front: {aliases: [z]}}'],
  ),
  'depends_on in a list and in a map': two(
    ['depends_on: [db]'],
    ['depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}}'],
  ),
  'healthcheck, logging and limits': two(
    [
      'healthcheck: {test: curl x, interval: 1m30s, retries: 3}',
      'logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}',
      'mem_limit: 64m',
      'cpus: 0.5',
      'deploy: {resources: {limits: {cpus: "0.5"}}}',
    ],
    [
      'healthcheck: {test: [CMD, y], timeout: 5s}',
      'logging: {options: {max-size: 20m}}',
      'mem_limit: 1gb',
      'shm_size: 64m',
    ],
  ),
  'another logging driver': two(['logging: {driver: a, options: {x: "1"}}'], ['logging: {driver: b}']),
  'sets of words': two(
    ['cap_add: [NET_ADMIN]', 'cap_drop: [ALL]', 'expose: [80, "90-91"]', 'tmpfs: /run', 'security_opt: ["label:a"]'],
    ['cap_add: [SYS_TIME, NET_ADMIN]', 'expose: ["80", 81]', 'tmpfs: [/tmp]', 'security_opt: ["label:b"]'],
  ),
  'environment files, under environment': two(['env_file: one.env', 'environment: {A: own}'], ['env_file: [two.env]'], {
    'one.env': '# c\nA=1\nB=1 2\nC="q u"\n\nD=',
    'two.env': "B=2\nE='s $x'\nexport F=f",
  }),
  interpolation: one(
    [
      'hostname: "x:${TAG}"',
      'environment: {A: "${NONE:-d}", B: "${EMPTY:-d}", C: "${EMPTY-d}", D: "$$TAG $TAG", E: "${TAG:?no}", F: "${TAG}${TAG}x"}',
      'labels: ["k=${TAG:-x}", "j=${NONE-}"]',
    ],
    { '.env': 'TAG=1.2\nEMPTY=\n' },
  ),
  'three files': {
    files: {
      'a.yml': service('labels: {a: 1}', 'ports: ["1:1"]'),
      'b.yml': service('labels: {b: 1}', 'ports: ["2:2"]'),
      'c.yml': `${service('labels: {a: 2}')}${others}`,
    },
    given: ['a.yml', 'b.yml', 'c.yml'],
  },
  'limits of the machine': two(
    [
      'mem_limit: 64m',
      'memswap_limit: 128m',
      'mem_reservation: 32m',
      'cpuset: 0-1',
      'cpu_shares: 512',
      'ulimits: {nofile: 10, nproc: {soft: 1, hard: 2}}',
      'sysctls: [net.core.somaxconn=1024]',
      'oom_score_adj: 5',
    ],
    ['memswap_limit: -1', 'ulimits: {nofile: {soft: 1, hard: 2}, core: 0}', 'sysctls: {net.ipv4.ip_forward: 1}'],
  ),
  'devices and shares of CPU time and disks': two(
    [
      'devices: ["/dev/a:/dev/x:r", /dev/b, "/dev/c:/dev/c:rwm"]',
      'device_cgroup_rules: ["c 188:* rwm"]',
      'blkio_config: {weight: 300, device_read_bps: [{path: /dev/sda, rate: 1m}]}',
      'cpu_period: 100ms',
      'cpu_quota: 50000',
    ],
    ['devices: ["/dev/z:/dev/x"]', 'blkio_config: {weight: 400}', 'cpu_quota: 25ms'],
  ),
  'names and addresses': two(
    [
      'extra_hosts: ["a:10.0.0.1", "b:10.0.0.2"]',
      'dns: 9.9.9.9',
      'dns_search: [b.example]',
      'dns_opt: [use-vc]',
      'domainname: plant.example',
      'mac_address: 02:42:ac:11:65:43',
      'group_add: [20]',
    ],
    ['extra_hosts: {c: 10.0.0.4}', 'dns: [8.8.8.8]', 'dns_search: a.example'],
  ),
  'modes, and links to other services': two(
    ['pid: host', 'ipc: host', 'userns_mode: host', 'links: ["db:database"]'],
    ['ipc: shareable', 'privileged: true', 'runtime: runc', 'links: [cache]', 'platform: linux/arm64'],
  ),
  'restarts and updates of deploy': one([
    'deploy: {restart_policy: {condition: on-failure, max_attempts: 3}, update_config: {order: start-first, delay: 10s}}',
  ]),
  'extends in one file, twice over': one(['extends: middle', 'environment: {B: 2}', 'cap_add: [A]'], {
    'a.yml': `${service('extends: {service: middle}', 'environment: {B: 2}', 'cap_add: [SYS_TIME]', 'ports: ["1:1"]')}
  middle: {image: m, extends: base, user: me, labels: [a=1]}
  base: {image: b, environment: [A=1, B=1], cap_add: [NET_ADMIN], command: x, ports: ["2"], tmpfs: [/run]}`,
  }),
  'extends of another file in another folder': one([], {
    'a.yml': service('extends: {file: sub/common.yml, service: base}', 'env_file: own.env'),
    'sub/common.yml':
      'services: {base: {extends: {file: ../top.yml, service: top}, image: b, env_file: base.env, volumes: ["/a:/b"]}}',
    'top.yml': 'services: {top: {image: t, env_file: [top.env], user: top}}',
    'own.env': 'A=own',
    'sub/base.env': 'A=base\nB=base',
    'top.env': 'A=top\nB=top\nC=top',
  }),
}

describe('files that a person wrote mean the same to both', () => {
  test.concurrent.each(Object.entries(sets))('%s', async (_, set) => {
    expect(ours(set)).toEqual(await theirs(set))
  })
})

describe('generated files mean the same to both', () => {
  type Pair = { readonly base: Part; readonly over: Part }
  type Part = Record<string, unknown>
  /** Many services in two files: one run of docker-compose judges them all. */
  const pairs = fc.sample(fc.record({ base: serviceParts, over: serviceParts }), 80) as Pair[]
  const batches = [0, 1].map((index) => [index, pairs.slice(40 * index, 40 * (index + 1))] as const)

  // YAML 1.1, so that `no` comes out in quotes.
  const fileOf = (batch: readonly Pair[], pick: (pair: Pair, name: string) => object): string =>
    stringify(
      {
        services: {
          ...Object.fromEntries(batch.map((pair, index) => [`s${index}`, pick(pair, `s${index}`)])),
          db: { image: 'postgres' },
          cache: { image: 'redis' },
        },
        ...parse(definitions),
      },
      { version: '1.1' },
    )

  /** Only what differs is shown: the whole is long. */
  const compare = async (set: Case, batch: readonly Pair[]): Promise<void> => {
    const [mine, its] = [ours(set), await theirs(set)]
    const differences = batch.flatMap((pair, index) => {
      const [one, other] = [mine.services[`s${index}`], its.services[`s${index}`]]
      return isDeepStrictEqual(one, other) ? [] : [{ pair, ours: one, theirs: other }]
    })
    expect(differences.slice(0, 2)).toEqual([])
    expect(mine).toEqual(its)
  }

  test.concurrent.each(batches)('merged, batch %i', async (_, batch) => {
    const files = {
      'a.yml': fileOf(batch, ({ base }) => ({ image: 'x', ...base })),
      'b.yml': fileOf(batch, ({ over }) => ({ image: 'y', ...over })),
    }
    await compare({ files, given: ['a.yml', 'b.yml'] }, batch)
  })

  test.concurrent.each(batches)('extended, batch %i', async (_, batch) => {
    const files = {
      'a.yml': fileOf(batch, ({ over }, name) => ({ ...over, extends: { file: 'sub/c.yml', service: name } })),
      // Version 1 extends no service that depends on others.
      'sub/c.yml': fileOf(batch, ({ base: { depends_on: _, ...base } }) => ({ image: 'x', ...base })),
    }
    await compare({ files, given: ['a.yml'] }, batch)
  })
})

/** Where the two differ, and why that is right. Each must still be so: what is equal by now has no place here. */
describe('the differences that are known', () => {
  const refused = async (set: Case, words: string) => {
    const printed = await printConfig(set.files, set.given)
    expect(printed).toEqual({ ok: false, why: expect.stringContaining(words) })
  }

  test.concurrent('a null overrides nothing, and takes a command away: version 1 refuses it, the later ones do this', async () => {
    const set = two(['labels: {a: 1}', 'command: [a]', 'user: me'], ['labels: ', 'command: ', 'user: '])
    expect(ours(set).services.web).toEqual({ image: 'nginx', labels: { a: '1' }, user: 'me' })
    await refused(set, 'invalid type')
  })

  test.concurrent('a number under environment is the text that was written: YAML makes 1.5 of it there', async () => {
    const set = one(['environment: {A: 1.50}'])
    expect(ours(set).services.web?.environment).toEqual({ A: '1.50' })
    expect((await theirs(set)).services.web?.environment).toEqual({ A: '1.5' })
  })

  test.concurrent('an environment file named twice is read in its first place: version 1 reads it twice', async () => {
    const set = two(['env_file: [one.env, two.env]'], ['env_file: one.env'], { 'one.env': 'A=1', 'two.env': 'A=2' })
    expect(ours(set).services.web?.environment).toEqual({ A: '2' })
    expect((await theirs(set)).services.web?.environment).toEqual({ A: '1' })
  })

  test.concurrent('an environment file knows the variables of .env: version 1 knows only those of the shell', async () => {
    const set = one(['env_file: one.env'], { '.env': 'TAG=1', 'one.env': 'A=${TAG}' })
    expect(ours(set).services.web?.environment).toEqual({ A: '1' })
    expect((await theirs(set)).services.web?.environment).toEqual({ A: '' })
  })

  test.concurrent('one path in tmpfs is one mount: version 1 makes two, which no engine takes', async () => {
    const set = two(['tmpfs: /run'], ['tmpfs: ["/run:size=1m"]'])
    expect(ours(set).services.web?.tmpfs).toEqual(['/run:size=1m'])
    expect((await theirs(set)).services.web?.tmpfs).toEqual(['/run', '/run:size=1m'])
  })

  test.concurrent('definitions of networks and volumes are merged: version 1 takes the later one', async () => {
    const set = {
      files: {
        'a.yml': `${service('volumes: ["data:/d"]')}volumes: {data: {labels: [a=1]}}`,
        'b.yml': 'services: {}\nvolumes: {data: {labels: {b: "2"}}}',
      },
      given: ['a.yml', 'b.yml'],
    }
    expect(ours(set).volumes).toEqual({ data: { labels: { a: '1', b: '2' } } })
    expect((await theirs(set)).volumes).toEqual({ data: { labels: { b: '2' } } })
  })

  test.concurrent('a port on 0.0.0.0 is one on every address: version 1 publishes it twice', async () => {
    const set = two(['ports: ["0.0.0.0:5:80"]'], ['ports: ["5:80"]'])
    expect(ours(set).services.web?.ports).toEqual([{ target: 80, published: 5, protocol: 'tcp' }])
    await expect(theirs(set)).rejects.toThrow('port-duplicate')
  })

  test.concurrent('a check that is switched off may have had times: version 1 refuses it', async () => {
    const set = two(['healthcheck: {test: a, interval: 5s}'], ['healthcheck: {disable: true}'])
    expect(ours(set).services.web?.healthcheck).toEqual({ test: ['NONE'] })
    await refused(set, 'cannot be combined with other options')
  })

  test.concurrent('a service with depends_on can be extended, as the specification has it by now', async () => {
    const set = one([], { 'a.yml': `${service('extends: base')}  base: {image: x, depends_on: [db]}\n${others}` })
    expect(ours(set).services.web?.depends_on).toEqual({ db: { condition: 'service_started' } })
    await refused(set, "services with 'depends_on' cannot be extended")
  })

  test.concurrent('!reset and !override came later', async () => {
    const set = two(['user: me', 'cap_add: [A]'], ['user: !reset null', 'cap_add: !override [B]'])
    expect(ours(set).services.web).toEqual({ image: 'nginx', cap_add: ['B'] })
    await refused(set, 'could not determine a constructor')
  })

  test.concurrent('include came later', async () => {
    const set = one([], { 'a.yml': 'include: [b.yml]', 'b.yml': service() })
    expect(ours(set).services).toEqual({ web: { image: 'nginx' } })
    await refused(set, "services 'include' must be a mapping")
  })

  test.concurrent('a default inside a default is resolved: version 1 takes it for text', async () => {
    const set = one(['user: "${NONE:-${EMPTY:-deep}}"'], { '.env': 'EMPTY=' })
    expect(ours(set).services.web?.user).toBe('deep')
    expect((await theirs(set)).services.web?.user).not.toBe('deep')
  })

  test.concurrent('a dollar sign before what is no name stands for itself: version 1 refuses it', async () => {
    const set = one(['user: "a$ 1$"'])
    expect(ours(set).services.web?.user).toBe('a$ 1$')
    await refused(set, 'Invalid interpolation format')
  })

  test.concurrent('a variable without a value is refused here: Compose warns, and puts nothing there', async () => {
    const set = one(['user: "a$NONE"'])
    expect(faultsOfFiles(set.files, { given: set.given })).toEqual([
      'variable-undefined a.yml:4:13 variable NONE is not set and has no default',
    ])
    expect((await theirs(set)).services.web?.user).toBe('a')
  })

  test.concurrent('a service that has a profile is printed by config, given or not', async () => {
    const set = { files: { 'a.yml': `${service()}  debug: {image: x, profiles: [p]}` }, given: ['a.yml'] }
    const plain = readFiles(set.files, { given: set.given })
    expect(plain.ok ? Object.keys(plain.model.services) : []).toEqual(['web'])
    expect(Object.keys((await theirs(set)).services)).toEqual(['debug', 'web'])
  })
})
