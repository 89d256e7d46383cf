import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { writeTar } from '../../src/engine-setup/tar.ts'

const archive = () =>
  writeTar([
    { kind: 'directory', path: 'bin', mode: 0o755 },
    { kind: 'file', path: 'bin/tool', mode: 0o750, content: Buffer.from('x'.repeat(513)) },
    { kind: 'file', path: 'empty', mode: 0o600, content: Buffer.alloc(0) },
    { kind: 'symlink', path: 'bin/alias', target: 'tool' },
  ])

describe('writeTar', () => {
  test('writes what tar reads: kinds, modes, sizes and link targets', () => {
    const listing = execFileSync('tar', ['-tvf', '-', '--numeric-owner', '--utc'], {
      input: archive(),
      encoding: 'utf8',
    })
    const lines = listing
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' '))
    expect(lines).toEqual([
      'drwxr-xr-x 0/0 0 1970-01-01 00:00 bin',
      '-rwxr-x--- 0/0 513 1970-01-01 00:00 bin/tool',
      '-rw------- 0/0 0 1970-01-01 00:00 empty',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/alias -> tool',
    ])
  })

  test('keeps the content', () => {
    expect(execFileSync('tar', ['-xOf', '-', 'bin/tool'], { input: archive(), encoding: 'utf8' })).toBe('x'.repeat(513))
  })

  test('gives the same bytes for the same entries', () => {
    expect(archive().equals(archive())).toBe(true)
  })

  test('refuses a path that does not fit, instead of cutting it', () => {
    const path = 'a'.repeat(101)
    expect(() => writeTar([{ kind: 'directory', path, mode: 0o755 }])).toThrow(/100 bytes/)
  })
})
