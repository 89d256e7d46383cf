/** The lock of an app: what is made of its file, and what stands in its folder on a real disk. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { diskFiles } from '../../agent/files/disk-files.ts'
import { clockOf } from '../../agent/reconcile/clock.ts'
import { lockFrom } from '../../agent/reconcile/lock.ts'

const hourMs = 3_600_000
const now = Date.UTC(2026, 10, 23, 12)
const sight = { now, monotonicNow: 5_000, notBefore: Date.UTC(2026, 0, 1), expiryMs: 24 * hourMs }
const file = (text: string, mtimeMs = now) => ({ mtimeMs, text })
/** ms from now on that it still holds; 0 or less: it is over */
const remaining = (text: string, mtimeMs = now) => lockFrom(file(text, mtimeMs), sight, undefined).expiresAt - 5_000

describe('a lock holds', () => {
  const minute = 60_000
  test.each([
    ['an empty file', '', now, 24 * hourMs],
    ['an empty file of an hour ago', '', now - hourMs, 23 * hourMs],
    ['an empty file of two days ago', '', now - 48 * hourMs, -24 * hourMs],
    ['no JSON', 'busy!', now - hourMs, 23 * hourMs],
    ['half of some JSON', '{"until": 17', now, 24 * hourMs],
    ['JSON of another kind', '[1]', now, 24 * hourMs],
    ['null', 'null', now, 24 * hourMs],
    ['an until that is no number', '{"until": "tomorrow"}', now, 24 * hourMs],
    ['until in an hour', `{"until": ${now + hourMs}}`, now, hourMs],
    ['until in an hour, in seconds', `{"until": ${(now + hourMs) / 1000}}`, now, hourMs],
    ['until an hour ago', `{"until": ${now - hourMs}}`, now, -hourMs],
    ['until in a year: never longer than its expiry', `{"until": ${now + 365 * 24 * hourMs}}`, now, 24 * hourMs],
    ['until in a year, written long ago', `{"until": ${now + 365 * 24 * hourMs}}`, now - 25 * hourMs, -hourMs],
    ['until in an hour, of a file about to expire', `{"until": ${now + hourMs}}`, now - 24 * hourMs + minute, minute],
    ['a time in the future counts from now', '', now + 365 * 24 * hourMs, 24 * hourMs],
    ['a time before the clock was set counts from now', '', 12_345, 24 * hourMs],
  ])('%s', (_, text, mtimeMs, expected) => {
    expect(remaining(text, mtimeMs)).toBe(expected)
  })

  test('from when it was first seen, whatever the clock on the wall does', () => {
    const first = lockFrom(file(''), sight, undefined)
    for (const jump of [-24 * hourMs, 25 * hourMs, 365 * 24 * hourMs])
      expect(lockFrom(file(''), { ...sight, now: now + jump, monotonicNow: 6_000 }, first)).toBe(first)
    const anew = lockFrom(file('', now + 1_000), { ...sight, now: now + 1_000, monotonicNow: 6_000 }, first)
    expect(anew.expiresAt).toBe(6_000 + 24 * hourMs)
  })

  test('and says whose it is and why, in words that do no harm', () => {
    const text = JSON.stringify({ owner: 'rob\u001b[31mot\n', reason: 'x'.repeat(1_000) })
    const { owner, reason } = lockFrom(file(text), sight, undefined)
    expect(owner).toBe('rob [31mot')
    expect(reason).toHaveLength(200)
    expect(lockFrom(file('{"owner": 3, "reason": ""}'), sight, undefined)).not.toHaveProperty('owner')
  })
})

describe('the folder of the lock', () => {
  const open = async () => {
    const root = await mkdtemp(join(tmpdir(), 'longshore-lock-'))
    onTestFinished(() => rm(root, { recursive: true, force: true }))
    const files = diskFiles(root, undefined)
    await files.makeLockFolder('shop')
    const folder = files.paths('shop').lock
    return { files, root, folder, path: join(folder, 'lock') }
  }

  test('is for any user to write to, and made once', async () => {
    const { files, folder, path } = await open()
    expect((await stat(folder)).mode & 0o777).toBe(0o777)
    expect(await files.observe('shop', [])).toMatchObject({ hasLockFolder: true })
    await writeFile(path, '')
    await files.makeLockFolder('shop')
    expect(await files.lock('shop')).toMatchObject({ text: '' })
  })

  test('holds no lock while it is empty, or not there', async () => {
    const { files } = await open()
    expect(await files.lock('shop')).toBeUndefined()
    expect(await files.lock('other')).toBeUndefined()
  })

  test('tells what a file says, and when it was written', async () => {
    const { files, path } = await open()
    await writeFile(path, '{"owner": "robot"}')
    await utimes(path, 1_700_000_000, 1_700_000_000)
    expect(await files.lock('shop')).toEqual({ text: '{"owner": "robot"}', mtimeMs: 1_700_000_000_000 })
  })

  test.each<[string, (path: string, root: string) => Promise<unknown>]>([
    ['a pipe that nobody writes to', async (path) => execFileSync('mkfifo', [path])],
    [
      'a link to a file',
      (path, root) => writeFile(join(root, 'x'), 'secret').then(() => symlink(join(root, 'x'), path)),
    ],
    ['a link to nothing', (path) => symlink('/nonexistent', path)],
    ['a link to a device that never ends', (path) => symlink('/dev/zero', path)],
    ['a folder', (path) => mkdir(path)],
    ['a file without end', (path) => writeFile(path, '{}').then(() => truncate(path, 2 ** 40))],
  ])('is locked by %s, which is not read', async (_, make) => {
    const { files, root, path } = await open()
    await make(path, root)
    const lock = await files.lock('shop')
    expect(lock).toEqual({ text: '', mtimeMs: expect.any(Number) })
    expect(Math.abs((lock?.mtimeMs ?? 0) - Date.now())).toBeLessThan(60_000)
  })

  test('that is a link itself leads nowhere', async () => {
    const { files, root, folder } = await open()
    await rm(folder, { recursive: true })
    await symlink(root, folder)
    await expect(files.lock('shop')).rejects.toMatchObject({ code: 'path-unsafe' })
    await expect(files.makeLockFolder('shop')).rejects.toThrow()
  })

  test('goes with the app, data or not', async () => {
    const { files } = await open()
    await files.removeProject('shop', { data: false })
    expect(await files.observe('shop', [])).toMatchObject({ hasLockFolder: false })
  })
})

describe('a clock', () => {
  test.each([
    ['that is set', now, [0, now - hourMs], { now }],
    ['a little behind that of the operator', now, [now + 60_000], { now: now + 60_000 }],
    ['that was never set', 0, [now - hourMs, now], { now, behind: now }],
    ['a day behind', now - 24 * hourMs, [now], { now, behind: now }],
  ])('%s', (_, own, known, expected) => {
    expect(clockOf(own, known)).toEqual(expected)
  })
})
