import { describe, expect, test } from 'vitest'
import { faultsOfFiles, modelOfFiles, readFiles } from './support.ts'

const only = { given: ['a.yaml'] }

describe('what is included is part of the file', () => {
  test('services, networks and volumes, over several steps and in both forms', () => {
    const files = {
      'a.yaml': 'include: [db/b.yaml, {path: c.yaml}]\nservices: {web: {image: x, depends_on: [db, cache]}}',
      'db/b.yaml':
        'name: other\ninclude: [d.yaml]\nservices: {db: {image: y, volumes: ["data:/d"], env_file: e.env}}\nvolumes: {data: }',
      'db/d.yaml': 'services: {deep: {image: z, networks: [n]}}\nnetworks: {n: }',
      'db/e.env': 'A=1',
      'c.yaml': 'services: {cache: {image: w}}',
    }
    const { services, networks, volumes } = modelOfFiles(files, only)
    expect(Object.keys(services)).toEqual(['web', 'db', 'deep', 'cache'])
    expect(services.db?.environment).toEqual({ A: '1' })
    expect({ networks, volumes }).toEqual({ networks: { n: {} }, volumes: { data: {} } })
  })

  test('several files of one entry are merged, and begin in the folder of the first or the one that is given', () => {
    const files = {
      'a.yaml':
        'include:\n  - path: [sub/b.yaml, over.yaml]\n  - {path: sub/c.yaml, project_directory: .}\nservices: {}',
      'sub/b.yaml': 'services: {b: {image: x, env_file: e.env}}',
      'over.yaml': 'services: {b: {user: me}}',
      'sub/c.yaml': 'services: {c: {image: x, env_file: e.env}}',
      'e.env': 'A=top',
      'sub/e.env': 'A=sub',
    }
    expect(modelOfFiles(files, only).services).toEqual({
      b: { image: 'x', user: 'me', environment: { A: 'sub' } },
      c: { image: 'x', environment: { A: 'top' } },
    })
  })

  test('a service may extend one that was included, and a later file may change it', () => {
    const files = {
      'a.yaml': 'include: [b.yaml]\nservices: {web: {extends: base}}',
      'over.yaml': 'services: {base: {user: me}}',
      'b.yaml': 'services: {base: {image: x}}',
    }
    expect(modelOfFiles(files, { given: ['a.yaml', 'over.yaml'] }).services).toEqual({
      web: { image: 'x' },
      base: { image: 'x', user: 'me' },
    })
  })

  test('!reset and !override say that a name is meant to be another', () => {
    const files = {
      'a.yaml': 'include: [b.yaml]\nservices: {one: !reset null, two: !override {image: mine}}',
      'b.yaml': 'services: {one: {image: x}, two: {image: x, user: a}, three: {image: x}}',
    }
    expect(modelOfFiles(files, only).services).toEqual({ two: { image: 'mine' }, three: { image: 'x' } })
  })

  test('the same from a third file is no conflict', () => {
    const files = {
      'a.yaml': 'include: [b.yaml, c.yaml]',
      'b.yaml': 'include: [d.yaml]\nservices: {b: {image: x}}',
      'c.yaml': 'include: [d.yaml]\nservices: {c: {image: x}}',
      'd.yaml': 'services: {d: {image: x}}\nnetworks: {n: }',
    }
    expect(Object.keys(modelOfFiles(files, only).services)).toEqual(['b', 'd', 'c'])
  })
})

describe('variables of what is included', () => {
  const files = {
    'a.yaml':
      'include: [{path: sub/b.yaml}, {path: c.yaml, env_file: [one.env, two.env]}, {path: d.yaml, env_file: /dev/null}]',
    'sub/b.yaml': 'services: {b: {image: "x:$TAG", environment: [OWN, TAG, NONE]}}',
    'sub/.env': 'TAG=b\nOWN=mine',
    'c.yaml': 'services: {c: {image: "x:$TAG", environment: {BOTH: }}}',
    'one.env': 'TAG=c\nBOTH=1',
    'two.env': 'BOTH=$TAG-2',
    'd.yaml': 'services: {d: {image: "x:${TAG-none}"}}',
  }

  test('come from its own .env or env_file', () => {
    expect(modelOfFiles(files, only).services).toEqual({
      b: { image: 'x:b', environment: { OWN: 'mine', TAG: 'b' } },
      c: { image: 'x:c', environment: { BOTH: 'c-2' } },
      d: { image: 'x:none' },
    })
  })

  test('and from the project that includes, which wins', () => {
    const { services } = modelOfFiles(files, { ...only, variables: { TAG: 'top' } })
    expect([services.b?.image, services.c?.image, services.d?.image]).toEqual(['x:top', 'x:top', 'x:top'])
    expect(services.b?.environment).toEqual({ OWN: 'mine', TAG: 'top' })
  })
})

describe('what cannot be included is refused where it is named', () => {
  const others = {
    'b.yaml': 'services:\n  b: {image: y}\nnetworks:\n  n: {}\n',
    'circle.yaml': 'include: [b2.yaml]\nservices: {c: {image: x}}',
    'b2.yaml': 'include: [circle.yaml]',
    'typo.yaml': 'servces: {}',
    'env.yaml': 'services: {e: {image: x}}',
    'bad.env': 'A="open',
  }
  test.each([
    [
      'a name that is here already',
      'include: [b.yaml]\nservices:\n  b: {image: x}',
      'include-conflict a.yaml:3:3 services.b is defined here and, in another way, in b.yaml:2, which is included',
    ],
    ['a circle', 'include: [circle.yaml]', 'files include each other in a circle: circle.yaml → b2.yaml → circle.yaml'],
    ['itself', 'include: [a.yaml]', 'files include each other in a circle: a.yaml → a.yaml'],
    ['no file', 'include: [none.yaml]', 'file-unreadable a.yaml:1:11 the included file "none.yaml" cannot be read'],
    [
      'no environment file',
      'include: [{path: env.yaml, env_file: none.env}]',
      'file-unreadable a.yaml:1:38 the environment file "none.env" cannot be read',
    ],
    [
      'an environment file at fault',
      'include: [{path: env.yaml, env_file: bad.env}]',
      'value-invalid bad.env:1:1 the value of A begins with " and never ends',
    ],
    ['no list', 'include: b.yaml', 'value-invalid a.yaml:1:10 include must be a list of files'],
    ['no path', 'include: [{env_file: bad.env}]', 'value-invalid a.yaml:1:11 an include names no file'],
    ['an unknown key', 'include: [{path: env.yaml, file: x}]', 'key-unknown a.yaml:1:28 include has no key "file"'],
    ['a key nobody knows', 'include: [typo.yaml]\nservices: {a: {image: x}}', 'key-unknown typo.yaml:1:1'],
    ['a path without a value', 'include: [$NONE]', 'variable-undefined a.yaml:1:11'],
  ])('%s', (_, text, expected) => {
    const faults = faultsOfFiles({ ...others, 'a.yaml': text }, only)
    expect(faults.filter((fault) => !fault.includes('has no services'))).toEqual([expect.stringContaining(expected)])
  })

  test('files that include ever more files come to an end', () => {
    const bomb = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [
        `f${index}.yaml`,
        `include: [{path: f${index + 1}.yaml}, {path: ./f${index + 1}.yaml}]`,
      ]),
    )
    const faults = faultsOfFiles({ ...bomb, 'f12.yaml': 'services: {a: {image: x}}' }, { given: ['f0.yaml'] })
    expect(faults.some((fault) => fault.includes('more than 200 files are read'))).toBe(true)
  })

  test('x-longshore of an included file does not count, and that is said', () => {
    const result = readFiles(
      { 'a.yaml': 'include: [b.yaml]', 'b.yaml': 'services: {a: {image: x}}\nx-longshore: {update: {deadline: 1m}}' },
      only,
    )
    expect(result).toMatchObject({ ok: true, notes: [{ message: 'x-longshore of an included file does not count' }] })
  })
})
