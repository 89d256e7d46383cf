import { expect, test } from 'vitest'
import { isStaticElf } from '../../src/engine-setup/busybox.ts'
import { releaseIsDebianLike } from '../../src/engine-setup/packages.ts'

test.each([
  ['Debian', 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n', true],
  ['Ubuntu', 'ID=ubuntu\nID_LIKE=debian\n', true],
  ['one that is like them', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', true],
  ['Raspberry Pi OS of old', 'ID=raspbian\nID_LIKE=debian\n', true],
  ['Alpine', 'ID=alpine\n', false],
  ['a name that only contains the word', 'NAME="not debian"\nID=fedora\n', false],
  ['nothing', '', false],
])('apt-get is used on Debian and its like only: %s', (_name, text, expected) => {
  expect(releaseIsDebianLike(text)).toBe(expected)
})

test('a script and a cut-off file are no static binaries', () => {
  expect(isStaticElf(Buffer.from('#!/bin/sh\n'.padEnd(100)))).toBe(false)
  expect(isStaticElf(Buffer.from([0x7f, 0x45, 0x4c, 0x46]))).toBe(false)
})
