import { describe, expect, test } from 'vitest'
import { isWithin } from '../../src/compose/model-gpu.ts'
import { faultsOf, modelOf } from './support.ts'

const withGpu = (gpu: string, more = ''): string =>
  `services:\n  web:\n    image: nginx\n${more}    x-longshore:\n      gpu: ${gpu}\n`

const needsOf = (gpu: string) => modelOf(withGpu(gpu)).services.web?.['x-longshore']?.gpu

test('what a GPU must be comes to one spelling', () => {
  expect(
    needsOf(
      '{ vendor: NVIDIA, count: 2, memory: 6g, cuda: ">= 12  < 13", computeCapability: ">=7.5", recreateWhenLost: yes }',
    ),
  ).toEqual({
    vendor: 'nvidia',
    count: 2,
    memory: 6 * 1024 ** 3,
    cuda: '>=12 <13',
    computeCapability: '>=7.5',
    recreateWhenLost: true,
  })
  expect(needsOf('{ count: 1, recreateWhenLost: false }')).toEqual({})
})

describe('what is wrong is said at its place', () => {
  test.each([
    ['{ cuda: 12 }', 'value-invalid 5:20 cuda must be a range of versions such as ">=12", not the number 12'],
    ['{ memory: much }', 'value-invalid 5:22 memory must be a size such as 64m, not "much"'],
    ['{ memory: 0 }', 'value-invalid 5:22 memory must be a size such as 6g, not the number 0'],
    ['{ vendor: "a b" }', 'value-invalid 5:22 vendor must be a vendor such as nvidia, amd or intel, not "a b"'],
    ['{ count: 0 }', 'value-invalid 5:21 count must be a whole number between 1 and 64, not the number 0'],
    ['{ memmory: 6g }', 'key-unknown 5:14 Compose knows no key "memmory" here'],
  ])('%s', (gpu, expected) => {
    expect(
      faultsOf(withGpu(gpu)).map(({ code, place, message }) => `${code} ${place.line}:${place.column} ${message}`),
    ).toEqual([expected])
  })

  test('a count in two places', () => {
    const [fault] = faultsOf(withGpu('{ count: 2 }', '    gpus: [{ count: 1 }]\n'))
    expect(fault).toMatchObject({ path: 'services.web.x-longshore.gpu.count', message: /two places/ })
    expect(() => modelOf(withGpu('{ count: 2 }', '    gpus: all\n'))).not.toThrow()
  })
})

test.each([
  ['12.4', '>=12', true],
  ['11.8', '>=12', false],
  ['12', '>=12.0', true],
  ['12.4', '>12', true],
  ['12.10', '>=12.9', true],
  ['12.4', '>=12 <13', true],
  ['13.0', '>=12 <13', false],
  ['7.5', '<=7.5', true],
])('version %s within %s: %s', (version, range, expected) => {
  expect(isWithin(version, range)).toBe(expected)
})
