import { describe, expect, test } from 'vitest'
import { faultsOfFiles, modelOfFiles } from './support.ts'

const services = (...input: Parameters<typeof modelOfFiles>) => modelOfFiles(...input).services

describe('a service that extends another has what that one has, and its own over it', () => {
  test('of the same file, in either form, over several steps', () => {
    const text = `services:
  base: {image: x, user: root, labels: {a: 1}}
  middle: {extends: {service: base}, labels: [b=2], environment: {A: 1}}
  web: {extends: middle, environment: [A=2], user: www}`
    expect(services({ 'a.yaml': text })).toEqual({
      base: { image: 'x', user: 'root', labels: { a: '1' } },
      middle: { image: 'x', user: 'root', labels: { a: '1', b: '2' }, environment: { A: '1' } },
      web: { image: 'x', user: 'www', labels: { a: '1', b: '2' }, environment: { A: '2' } },
    })
  })

  test('of another file, whose own steps begin in its folder', () => {
    const files = {
      'a.yaml': 'services: {web: {extends: {file: common/base.yaml, service: app}, user: me}}',
      'common/base.yaml':
        'services: {app: {extends: {file: ../shared/x.yaml, service: one}, env_file: app.env}, other: {image: $NONE}}',
      'shared/x.yaml': 'services: {one: {extends: two}, two: {image: x, env_file: [two.env]}}',
      'common/app.env': 'A=app',
      'shared/two.env': 'A=two\nB=two',
    }
    expect(services(files, { given: ['a.yaml'] })).toEqual({
      web: { image: 'x', user: 'me', environment: { A: 'app', B: 'two' } },
    })
  })

  test('before the files are merged: a later one is over the whole', () => {
    const files = {
      'a.yaml': 'services: {base: {image: x, user: a}, web: {extends: base}}',
      'b.yaml': 'services: {base: {user: b}, web: {labels: {c: d}}}',
    }
    expect(services(files)).toEqual({
      base: { image: 'x', user: 'b' },
      web: { image: 'x', user: 'a', labels: { c: 'd' } },
    })
  })

  test('!reset and !override act on what is extended', () => {
    const text =
      'services: {base: {image: x, user: a, cap_add: [A]}, web: {extends: base, user: !reset "", cap_add: !override [B]}}'
    expect(services({ 'a.yaml': text }).web).toEqual({ image: 'x', cap_add: ['B'] })
  })

  test.each(['', '!reset base'])('extends: %s extends nothing', (target) => {
    const text = `services: {base: {image: x, user: a}, web: {image: y, extends: ${target}}}`
    expect(services({ 'a.yaml': text }).web).toEqual({ image: 'y' })
  })

  test('an identical copy changes nothing', () => {
    const own = 'image: x, command: [a], ports: ["1"], environment: {A: b}, cap_add: [A], tmpfs: /run'
    const { copy, base } = services({ 'a.yaml': `services: {copy: {extends: base, ${own}}, base: {${own}}}` })
    expect(copy).toEqual(base)
  })
})

describe('what cannot be extended is refused where it is named', () => {
  test.each([
    [
      'a service that is not there',
      'extends: bsae',
      'reference-missing a.yaml:4:14 a.yaml has no service "bsae" to extend',
    ],
    [
      'a service that is not in the file',
      'extends: {file: other.yaml, service: x}',
      'reference-missing a.yaml:4:42 other.yaml has no service "x" to extend',
    ],
    [
      'a file that is not there',
      'extends: {file: none.yaml, service: x}',
      'file-unreadable a.yaml:4:41 the extended file "none.yaml" cannot be read',
    ],
    [
      'a file that is elsewhere',
      'extends: {file: "https://example.org/x.yaml", service: x}',
      'key-unsupported a.yaml:4:60 the extended file "https:/example.org/x.yaml" is not on this machine',
    ],
    ['no name', 'extends: {file: other.yaml}', 'value-invalid a.yaml:4:14 extends names no service'],
    ['an unknown key', 'extends: {srevice: base}', 'key-unknown a.yaml:4:15 extends has no key "srevice"'],
    [
      'a list',
      'extends: [base]',
      'value-invalid a.yaml:4:14 extends must be the name of a service, or a map with service and file, not a list',
    ],
    [
      'a name without a value',
      'extends: $NONE',
      'variable-undefined a.yaml:4:14 variable NONE is not set and has no default',
    ],
    [
      'itself',
      'extends: web',
      'reference-circle a.yaml:4:14 services extend each other in a circle: web (a.yaml) → web (a.yaml)',
    ],
    [
      'a circle through another file',
      'extends: {file: other.yaml, service: back}',
      'reference-circle other.yaml:1:52 services extend each other in a circle: web (a.yaml) → back (other.yaml) → web (a.yaml)',
    ],
  ])('%s', (_, line, expected) => {
    const files = {
      'a.yaml': `services:\n  web:\n    image: x\n    ${line}\n  base: {image: x}`,
      'other.yaml': 'services: {back: {extends: {file: a.yaml, service: web}}}',
    }
    expect(faultsOfFiles(files, { given: ['a.yaml'] })).toEqual([expected])
  })

  test('what it needs does not come along, and is missed', () => {
    const files = {
      'a.yaml': 'services: {web: {extends: {file: b.yaml, service: web}}}',
      'b.yaml':
        'services: {web: {image: x, volumes: ["data:/d"], depends_on: [db]}, db: {image: y}}\nvolumes: {data: }',
    }
    const faults = faultsOfFiles(files, { given: ['a.yaml'] })
    expect(faults.map((fault) => fault.split(' ').slice(0, 2).join(' '))).toEqual([
      'reference-missing b.yaml:1:38',
      'reference-missing b.yaml:1:63',
    ])
  })

  test('a great many services that extend are read in time', () => {
    const many = Array.from({ length: 15_000 }, (_, index) => `  s${index}: {extends: base}`).join('\n')
    const started = performance.now()
    const text = `services:\n  base: {image: x, profiles: [p]}\n  one: {image: y}\n${many}`
    expect(Object.keys(services({ 'a.yaml': text }))).toEqual(['one'])
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test('a chain without end in sight ends', () => {
    const chain = Array.from({ length: 150 }, (_, index) => `  s${index}: {extends: s${index + 1}}`).join('\n')
    const faults = faultsOfFiles({ 'a.yaml': `services:\n${chain}\n  s150: {image: x}` })
    expect(faults[0]).toContain('services extend each other more than 100 deep')
  })
})

describe('relative paths of an extended file begin in its folder', () => {
  test.each([
    ['env_file: e.env', { A: 'common' }],
    ['env_file: ../e.env', { A: 'top' }],
    ['env_file: [{path: ./e.env}]', { A: 'common' }],
    ['env_file: /project/e.env', { A: 'top' }],
  ])('%s', (line, environment) => {
    const files = {
      'a.yaml': 'services: {web: {extends: {file: common/b.yaml, service: web}}}',
      'common/b.yaml': `services: {web: {image: x, ${line}}}`,
      'e.env': 'A=top',
      'common/e.env': 'A=common',
    }
    expect(services(files, { given: ['a.yaml'] }).web?.environment).toEqual(environment)
  })
})
