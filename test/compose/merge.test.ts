import { describe, expect, test } from 'vitest'
import { faultsOfFiles, modelOfFiles, readFiles } from './support.ts'

const rest = '  other: {image: x}\nnetworks: {front: , back: }\nvolumes: {data: , other: }\n'
/** Two files that say something of one service; what its one key became. */
const merged = (key: string, base: string, over: string): unknown => {
  const service = (written: string) => `services:\n  web:\n    image: nginx\n    ${key}: ${written}\n`
  const { services } = modelOfFiles({ 'a.yaml': `${service(base)}${rest}`, 'b.yaml': service(over) })
  return (services.web as Record<string, unknown>)[key]
}

describe('a later file is merged over an earlier one as Compose does', () => {
  test.each([
    ['user', 'a', 'b', 'b'],
    ['user', 'a', '', 'a'],
    ['command', '[a, b]', '[c]', ['c']],
    ['command', '[a]', '', undefined],
    ['entrypoint', 'a b', '[c]', ['c']],
    ['environment', '{A: 1, B: 2}', '{B: 3, C: 4}', { A: '1', B: '3', C: '4' }],
    ['environment', '[A=1, B=2]', '{B: 3}', { A: '1', B: '3' }],
    ['environment', '{A: 1}', '["A=", "B=x=y"]', { A: '', B: 'x=y' }],
    ['environment', '{A: 1}', '', { A: '1' }],
    ['labels', '[a, b=1]', '{b: 2}', { a: '', b: '2' }],
    ['expose', '[80, 81]', '["81", 82]', ['80', '81', '82']],
    ['cap_add', '[NET_ADMIN]', '[NET_ADMIN, SYS_TIME]', ['NET_ADMIN', 'SYS_TIME']],
    ['tmpfs', '/run', '[/tmp, "/run/:size=1m"]', ['/run:size=1m', '/tmp']],
    ['depends_on', '[other]', '{other: {condition: service_healthy}}', { other: { condition: 'service_healthy' } }],
    ['depends_on', '{other: {condition: service_healthy}}', '[other]', { other: { condition: 'service_started' } }],
    [
      'depends_on',
      '{other: {condition: service_healthy}}',
      '{other: {required: false}}',
      { other: { condition: 'service_healthy', required: false } },
    ],
    ['networks', '[front]', '{back: {aliases: [b]}}', { front: {}, back: { aliases: ['b'] } }],
    ['networks', '{front: {aliases: [a]}}', '{front: {aliases: [b]}}', { front: { aliases: ['a', 'b'] } }],
    ['networks', '{front: {aliases: [a]}}', '[front, back]', { front: { aliases: ['a'] }, back: {} }],
    ['logging', '{driver: a, options: {x: 1}}', '{options: {y: 2}}', { driver: 'a', options: { x: '1', y: '2' } }],
    ['logging', '{driver: a, options: {x: 1}}', '{driver: b}', { driver: 'b' }],
    [
      'healthcheck',
      '{test: [CMD, a], interval: 5s}',
      '{test: b, retries: 2}',
      { test: ['CMD-SHELL', 'b'], interval: '5s', retries: 2 },
    ],
    ['x-own', '{a: [1], b: {c: 1}}', '{a: [2], b: {d: 2}}', { a: [1, 2], b: { c: 1, d: 2 } }],
  ])('%s: %s and %s', (key, base, over, expected) => {
    expect(merged(key, base, over)).toEqual(expected)
  })

  test.each([
    ['"8080:80"', '"8081:80"', [8080, 8081]],
    ['"8080:80"', '"0.0.0.0:8080:80/tcp"', [8080]],
    ['"8080:80"', '{target: 80, published: "8080"}', [8080]],
    ['"8080:80"', '"8080:80/udp"', [8080, 8080]],
    ['"3000-3002:3000-3002"', '"3001:3001"', [3000, 3001, 3002]],
  ])('ports %s and %s', (base, over, published) => {
    const ports = merged('ports', `[${base}]`, `[${over}]`) as { published: number }[]
    expect(ports.map((port) => port.published)).toEqual(published)
  })

  test.each([
    ['data:/x', 'other:/x/:ro', [{ type: 'volume', source: 'other', target: '/x', read_only: true }]],
    ['data:/x', '{type: tmpfs, target: /x}', [{ type: 'tmpfs', target: '/x' }]],
    [
      'data:/x',
      'other:/y',
      [
        { type: 'volume', source: 'data', target: '/x' },
        { type: 'volume', source: 'other', target: '/y' },
      ],
    ],
  ])('volumes %s and %s', (base, over, expected) => {
    expect(merged('volumes', `[${base}]`, `[${over}]`)).toEqual(expected)
  })

  test('services, networks and volumes that only one file has are all there', () => {
    const { services, networks, volumes } = modelOfFiles({
      'a.yaml': 'services: {a: {image: x}}\nnetworks: {n: }\nvolumes: {v: {labels: [a=1]}}',
      'b.yaml': 'services: {b: {image: y}}\nvolumes: {v: {labels: {b: 2}}, w: }',
    })
    expect(Object.keys(services)).toEqual(['a', 'b'])
    expect({ networks, volumes }).toEqual({
      networks: { n: {} },
      volumes: { v: { labels: { a: '1', b: '2' } }, w: {} },
    })
  })

  test('files of an environment are read in their order, each once', () => {
    const { services } = modelOfFiles(
      {
        'a.yaml': 'services: {web: {image: x, env_file: [one.env, two.env]}}',
        'b.yaml': 'services: {web: {env_file: [{path: one.env}, three.env]}}',
        'one.env': 'A=1\nB=1\nC=1',
        'two.env': 'B=2\nC=2',
        'three.env': 'C=3',
      },
      { given: ['a.yaml', 'b.yaml'] },
    )
    expect(services.web?.environment).toEqual({ A: '1', B: '2', C: '3' })
  })
})

describe('!reset takes away, !override takes the place', () => {
  test.each([
    ['ports: ["1:1"]', 'ports: !reset []', {}],
    ['ports: ["1:1"]', 'ports: !reset', {}],
    ['ports: ["1:1"]', 'ports: !reset null', {}],
    ['environment: {A: 1, B: 2}', 'environment: {A: !reset null}', { environment: { B: '2' } }],
    ['environment: [A=1, B=2]', 'environment: {A: !reset "", C: 3}', { environment: { B: '2', C: '3' } }],
    ['environment: {A: 1}', 'environment: !override {B: 2}', { environment: { B: '2' } }],
    ['cap_add: [A]', 'cap_add: !override\n      - B', { cap_add: ['B'] }],
    ['mem_limit: 5', 'mem_limit: !override 6', { mem_limit: 6 }],
    ['user: a', 'user: !override "6"', { user: '6' }],
    ['tty: true', 'tty: !reset true', {}],
    ['user: a', 'user: !reset ${NOT_SET}', {}],
  ])('%s and %s', (base, over, expected) => {
    const { services } = modelOfFiles({
      'a.yaml': `services:\n  web:\n    image: nginx\n    ${base}\n`,
      'b.yaml': `services:\n  web:\n    ${over}\n`,
    })
    expect(services.web).toEqual({ image: 'nginx', ...expected })
  })

  test('what a third file says after a reset stands alone', () => {
    const { services } = modelOfFiles({
      'a.yaml': 'services: {web: {image: x, cap_add: [A]}, db: {image: y}}',
      'b.yaml': 'services: {web: {cap_add: !reset []}, db: !reset null}',
      'c.yaml': 'services: {web: {cap_add: [B]}}',
    })
    expect(services).toEqual({ web: { image: 'x', cap_add: ['B'] } })
  })

  test('also where an anchor carries them', () => {
    const { services } = modelOfFiles({
      'a.yaml': 'services: {a: {image: x, cap_add: [A]}, b: {image: x, cap_add: [A]}, c: {image: x, cap_add: [A]}}',
      'b.yaml':
        'x-no: &no !reset []\nx-keys: &keys {cap_add: !reset []}\nx-other: &other !override [B]\nservices: {a: {cap_add: *no}, b: {<<: *keys}, c: {cap_add: *other}}',
    })
    expect(services).toEqual({ a: { image: 'x' }, b: { image: 'x' }, c: { image: 'x', cap_add: ['B'] } })
  })

  test('in the middle of a chain of extends: what comes after is merged with what was put in place', () => {
    const { services } = modelOfFiles({
      'a.yaml':
        'services: {low: {image: x, cap_add: [A]}, middle: {extends: low, cap_add: !override [B]}, web: {extends: middle, cap_add: [C]}}',
    })
    expect(services.web?.cap_add).toEqual(['B', 'C'])
  })

  test('in a file alone they leave nothing behind', () => {
    const { services } = modelOfFiles({
      'a.yaml': 'services: {web: {image: x, user: !reset a, labels: !override {a: b}, cap_add: [A, !reset B]}}',
    })
    expect(services).toEqual({ web: { image: 'x', labels: { a: 'b' }, cap_add: ['A'] } })
  })
})

describe('every fault names the file it stands in', () => {
  const base = 'services:\n  web:\n    image: nginx\n    labels: {a: b}\n    ports: ["80:80"]\n'
  test.each([
    [
      'a key nobody knows',
      'services:\n  web:\n    imgae: x\n',
      'key-unknown b.yaml:3:5 Compose knows no key "imgae" here',
    ],
    [
      'a port in a merged list',
      'services:\n  web:\n    ports:\n      - "81:x"\n',
      'value-invalid b.yaml:4:9 port "81:x" does not parse',
    ],
    [
      'forms that cannot be merged',
      'services:\n  web:\n    ports: {a: b}\n',
      'value-invalid b.yaml:3:12 ports is a map here and a list in a.yaml:5, and the two cannot be merged',
    ],
    [
      'a port twice in two files',
      'services:\n  db:\n    image: x\n    ports: ["80:81"]\n',
      'port-duplicate b.yaml:4:13 host port 80/tcp is published by web and by db',
    ],
    [
      'a label that is none',
      'services:\n  web:\n    labels: ["=x"]\n',
      'value-invalid b.yaml:3:14 "=x" is not NAME=value',
    ],
    [
      'a list in a list of labels',
      'services:\n  web:\n    labels: [[x]]\n',
      'value-invalid b.yaml:3:14 item 1 must be a text, not a list',
    ],
    [
      'a variable without a value',
      'services:\n  web:\n    labels: ["x=${NONE}"]\n',
      'variable-undefined b.yaml:3:17 variable NONE is not set and has no default',
    ],
    ['text that is no YAML', 'services: [', 'yaml-invalid b.yaml:1:12'],
  ])('%s', (_, over, expected) => {
    const faults = faultsOfFiles({ 'a.yaml': base, 'b.yaml': over })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(expected)
  })

  test('faults of several files come file by file', () => {
    const faults = faultsOfFiles({
      'a.yaml': 'services:\n  web:\n    image: nginx\n    foo: 1\n    bar: 1',
      'b.yaml': 'services:\n  web:\n    baz: 1',
    })
    expect(faults.map((fault) => fault.split(' ')[1])).toEqual(['a.yaml:4:5', 'a.yaml:5:5', 'b.yaml:3:5'])
  })
})

test('a variable that has no value does no harm where another file overrides it', () => {
  const { services } = modelOfFiles({
    'a.yaml': 'services: {web: {image: "x:${TAG}", labels: {a: $NONE}}}',
    'b.yaml': 'services: {web: {image: "x:1", labels: {a: b}}}',
  })
  expect(services).toEqual({ web: { image: 'x:1', labels: { a: 'b' } } })
})

test('a file that says nothing changes nothing, wherever it stands', () => {
  const text = 'services: {web: {image: x, ports: ["1:1", "1:1"]}}'
  for (const empty of ['', '# nothing', '{}', 'services: ', 'services: {}'])
    for (const files of [
      { 'a.yaml': text, 'b.yaml': empty },
      { 'a.yaml': empty, 'b.yaml': text },
    ])
      expect(readFiles(files)).toEqual(readFiles({ 'a.yaml': text }))
})

test('a tag that is not known is refused, and so are files that unfold without end', () => {
  expect(faultsOfFiles({ 'a.yaml': 'services: {web: !new {image: x}}' })[0]).toContain('yaml-invalid a.yaml:1:17')
  const many = `services:\n  a: &a\n    image: x\n    command: [${'x,'.repeat(20_000)}x]\n`
  const copies = Array.from({ length: 20 }, (_, index) => `  s${index}: {extends: a}\n`).join('')
  expect(faultsOfFiles({ 'a.yaml': many + copies })[0]).toContain('the files together unfold to more than')
})
