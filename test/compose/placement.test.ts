import { describe, expect, test } from 'vitest'
import { validateModel } from '../../src/compose/validate.ts'
import { faultsOf, modelOf, modelOfFiles } from './support.ts'

const withConstraints = (...lines: readonly string[]): string =>
  `services:\n  web:\n    image: nginx\n    deploy:\n      placement:\n        constraints:\n${lines.map((line) => `          - ${line}\n`).join('')}`

const constraintsOf = (...lines: readonly string[]) =>
  modelOf(withConstraints(...lines)).services.web?.deploy?.placement?.constraints

test('constraints come to one spelling and one order, each once', () => {
  expect(
    constraintsOf(
      '"node.labels.line==3"',
      'node.platform.arch != x86_64',
      'device.gpu.memory >= 6g',
      '"device.serial>=02"',
      'node.labels.line == 3',
      'node.labels.site == hall two',
    ),
  ).toEqual([
    'device.gpu.memory >= 6442450944',
    'device.serial >= 2',
    'node.labels.line == 3',
    'node.labels.site == hall two',
    'node.platform.arch != x86_64',
  ])
})

test('a later file adds its own', () => {
  const model = modelOfFiles({
    'a.yaml': withConstraints('node.labels.line == 3'),
    'b.yaml': 'services: {web: {deploy: {placement: {constraints: [device.can >= 1]}}}}',
  })
  expect(model.services.web?.deploy?.placement?.constraints).toEqual(['device.can >= 1', 'node.labels.line == 3'])
})

describe('what is no constraint is refused at its place', () => {
  test.each([
    ['node.labels.line', /is no constraint/, /node.labels.line == 3/],
    ['node.labels.line = 3', /is no constraint/, /== 3/],
    ['device.serial >= one', /is no number/, /device.serial >= 1/],
    ['device.gpu.memory >= much', /is none/, /6g/],
    ['node.hostname > a', /by number/, /node.hostname == a/],
    ['node.labels.line > a', /is none/, /node.labels.line == a/],
    ['node.platform.arc == arm', /no device tells/, /did you mean node.platform.arch/],
    ['node.role == worker', /no device tells/, /neither/],
    ['engine.labels.line == 3', /no device tells/, /longshore label --device ID line=/],
    ['node.labels.-a == 3', /names no label/, /name of the label/],
  ])('%s', (line, message, remedy) => {
    const [fault] = faultsOf(withConstraints('node.id == a', line))
    expect(fault).toMatchObject({ code: 'value-invalid', place: { line: 8, column: 13 } })
    expect(fault?.path).toBe('services.web.deploy.placement.constraints[1]')
    expect(fault?.message).toMatch(message)
    expect(fault?.remedy).toMatch(remedy)
  })

  test('and a device refuses one that came another way', () => {
    const model = modelOf(withConstraints('node.id == a')) as { services: Record<string, object> }
    const changed = { ...model, services: { web: { image: 'nginx', deploy: { placement: { constraints: ['a'] } } } } }
    expect(validateModel(changed)).toMatchObject({
      ok: false,
      faults: [{ path: 'services.web.deploy.placement.constraints[0]' }],
    })
  })
})
