import { expect, test } from 'vitest'
import { isOfPlatform, misfitOf, platformName, runsOn } from '../../src/protocol/platform.ts'

test.each([
  ['linux', 'x86_64', undefined, 'linux/amd64'],
  ['linux', 'amd64', undefined, 'linux/amd64'],
  ['linux', 'aarch64', undefined, 'linux/arm64'],
  ['linux', 'arm64', 'v8', 'linux/arm64'],
  ['linux', 'armv7l', undefined, 'linux/arm/v7'],
  ['linux', 'arm', 'v6', 'linux/arm/v6'],
  ['linux', 'arm', '', 'linux/arm'],
  ['Linux', 'riscv64', undefined, 'linux/riscv64'],
  ['', '', undefined, ''],
])('%s and %s %s are %s', (os, architecture, variant, name) => {
  expect(platformName(os, architecture, variant)).toBe(name)
})

test.each([
  ['linux/amd64', 'linux/amd64', true],
  ['linux/amd64', 'linux/386', true],
  ['linux/amd64', 'linux/arm64', false],
  ['linux/386', 'linux/amd64', false],
  ['linux/arm64', 'linux/arm64', true],
  ['linux/arm64', 'linux/arm64/v8', true],
  ['linux/arm64', 'linux/arm/v7', true],
  ['linux/arm64', 'linux/amd64', false],
  ['linux/arm/v7', 'linux/arm/v6', true],
  ['linux/arm/v7', 'linux/arm', true],
  ['linux/arm/v6', 'linux/arm/v7', false],
  ['linux/arm/v7', 'linux/arm64', false],
  ['linux/amd64', 'windows/amd64', false],
  ['linux/amd64', '', true],
  ['', 'linux/arm64', true],
])('on %s an image of %s runs: %s', (engine, image, isSo) => {
  expect(runsOn(engine, image)).toBe(isSo)
})

test.each([
  ['linux/amd64', 'linux/amd64', true],
  ['linux/amd64', 'linux/x86_64', true],
  ['linux/amd64', 'linux', true],
  ['linux/arm64', 'linux/arm64/v8', true],
  ['linux/arm/v7', 'linux/arm', true],
  ['linux/arm', 'linux/arm/v7', true],
  ['linux/arm/v6', 'linux/arm/v7', false],
  ['linux/amd64', 'linux/arm64', false],
])('%s is what asks for %s: %s', (image, wanted, isSo) => {
  expect(isOfPlatform(image, wanted)).toBe(isSo)
})

test('what a service names counts, and not what the engine is', () => {
  expect(misfitOf('a:1', 'linux/arm64', 'linux/arm64', 'linux/amd64')).toBeUndefined()
  expect(misfitOf('a:1', 'linux/amd64', 'linux/arm64', 'linux/amd64')).toEqual({
    code: 'wrong-platform',
    message: 'image a:1 is for linux/amd64, and the service asks for linux/arm64',
  })
  expect(misfitOf('a:1', 'linux/arm64', undefined, 'linux/amd64')).toEqual({
    code: 'wrong-platform',
    message: 'image a:1 is for linux/arm64, and this device is linux/amd64',
  })
})
