import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { openBundle } from '../../src/bundle/read-bundle.ts'
import { type WriteInput, writeBundle } from '../../src/bundle/write-bundle.ts'
import { writeTar } from '../../src/engine-setup/tar.ts'
import type { Bundle } from '../../src/protocol/bundle.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf, packFiles } from '../support/models.ts'

const bundleOf = (changes: Partial<Bundle> = {}): Bundle => {
  const content = { compose: modelOf('shop', { web: {} }), files: packFiles({ 'conf/a.toml': 'a = 1' }) }
  const id = `sha256:${'1'.repeat(64)}`
  return {
    format: 1,
    app: 'shop',
    release: releaseDigest(content),
    ...content,
    platform: 'linux/amd64',
    images: { 'longshore/example:1': { id, platform: 'linux/amd64' } },
    createdAt: 1_790_000_000_000,
    by: 'test',
    ...changes,
  }
}

/** As an engine would give it. */
const archive = writeTar([{ kind: 'file', path: 'manifest.json', mode: 0o644, content: Buffer.from('[]') }])

const code = (name: string) => expect.objectContaining({ name: 'LongshoreError', code: name })

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longshore-bundle-'))
  path = join(folder, 'app.tar')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
})

const write = (changes: Partial<WriteInput> = {}): Promise<number> =>
  writeBundle({
    path,
    bundle: bundleOf(),
    archive: async () => Readable.from([archive]),
    onBytes: () => undefined,
    signal: new AbortController().signal,
    ...changes,
  })

const opening = async (): Promise<void> => {
  const { close } = await openBundle(path)
  await close()
}

test('what is written is read again, and the archive is that of the engine', async () => {
  const bytes: number[] = []
  const sizeBytes = await write({ onBytes: (written) => bytes.push(written) })
  expect(bytes.at(-1)).toBe(sizeBytes)
  const opened = await openBundle(path)
  expect(opened.bundle).toEqual(bundleOf())
  expect(opened.archiveBytes).toBe(archive.length)
  expect(await buffer(opened.archive())).toEqual(archive)
  await opened.close()
  expect(await readdir(folder)).toEqual(['app.tar'])
})

test('a bundle of before is replaced, also after a half one was left behind', async () => {
  await writeFile(path, 'old')
  await writeFile(`${path}.partial`, 'half')
  await write()
  await opening()
  expect(await readdir(folder)).toEqual(['app.tar'])
})

describe('nothing is left and nothing replaced', () => {
  test.each<[string, () => Promise<Readable>, string]>([
    ['when the engine says no', () => Promise.reject(new Error('no')), 'no'],
    [
      'when the engine fails on its way and says so in the archive',
      async () => Readable.from([archive.subarray(0, 600), Buffer.from('{"message":"no such layer"}')]),
      'no such layer',
    ],
    ['when the archive ends early', async () => Readable.from([archive.subarray(0, 1024)]), 'broke off'],
    [
      'when the connection to the engine breaks',
      async () =>
        Readable.from(
          (function* () {
            yield archive
            throw new Error('ECONNRESET')
          })(),
        ),
      'ECONNRESET',
    ],
  ])('%s', async (_, from, message) => {
    await writeFile(path, 'old')
    await expect(write({ archive: from })).rejects.toThrow(message)
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['app.tar'])
  })

  test('when it is given up', async () => {
    const abort = new AbortController()
    const endless = async () => new Readable({ read: () => undefined })
    const writing = write({ archive: endless, signal: abort.signal })
    abort.abort()
    await expect(writing).rejects.toHaveProperty('name', 'AbortError')
    expect(await readdir(folder)).toEqual([])
  })
})

test('of two that write the same file at once, none puts the half one of the other there', async () => {
  const [one, two] = [new PassThrough(), new PassThrough()]
  const first = write({ archive: async () => one })
  const failed = expect(first).rejects.toEqual(code('file-unwritable'))
  await eventually('the first to begin', async () => (await readdir(folder)).length > 0)
  let hasBegun = false
  const second = write({
    archive: async () => {
      hasBegun = true
      return two
    },
  })
  await eventually('the second to begin', () => hasBegun)
  one.end(archive)
  await failed
  expect(await readdir(folder)).toEqual(['app.tar.partial'])
  two.end(archive)
  await second
  expect(await readdir(folder)).toEqual(['app.tar'])
})

describe('an output that cannot be', () => {
  test('a symbolic link is not followed', async () => {
    await symlink(join(folder, 'elsewhere'), path)
    await expect(write()).rejects.toEqual(code('file-unwritable'))
    expect(await readdir(folder)).toEqual(['app.tar'])
  })

  test('nor one in place of the half file', async () => {
    await symlink(join(folder, 'elsewhere'), `${path}.partial`)
    await expect(write()).rejects.toEqual(code('file-unwritable'))
    expect(await readdir(folder)).toEqual(['app.tar.partial'])
  })

  test('a folder', async () => {
    await mkdir(path)
    await expect(write()).rejects.toEqual(code('file-unwritable'))
  })

  test('in a folder that is not there', async () => {
    await expect(write({ path: join(folder, 'no', 'app.tar') })).rejects.toEqual(code('file-unwritable'))
  })
})

describe('what is no bundle is said to be none', () => {
  const manifest = (text: string): Buffer =>
    writeTar([{ kind: 'file', path: 'bundle.json', mode: 0o644, content: Buffer.from(text) }])
  const changed = (changes: object): Buffer => manifest(JSON.stringify({ ...bundleOf(), ...changes }))

  test.each<[string, Buffer, string, RegExp]>([
    ['an empty file', Buffer.alloc(0), 'bundle-invalid', /begin with bundle.json/],
    ['a foreign tar', archive, 'bundle-invalid', /begin with bundle.json/],
    ['zeros', Buffer.alloc(4096), 'bundle-invalid', /begin with bundle.json/],
    ['no tar', Buffer.alloc(4096, 'PK'), 'bundle-invalid', /begin with bundle.json/],
    ['text for JSON', manifest('{"format":1'), 'bundle-invalid', /is not JSON/],
    ['null', manifest('null'), 'bundle-invalid', /bundle.json/],
    ['a later format', changed({ format: 2 }), 'bundle-invalid', /format 2, this version of Longshore reads 1/],
    ['a field of the wrong type', changed({ images: [] }), 'bundle-invalid', /images/],
    [
      'a path that leads out',
      changed({ files: { '../x': bundleOf().files['conf/a.toml'] } }),
      'bundle-invalid',
      /files/,
    ],
    ['another model than its digest', changed({ compose: modelOf('shop', {}) }), 'release-mismatch', /its content has/],
    ['a file with another digest', changed({ files: {} }), 'release-mismatch', /its content has/],
  ])('%s', async (_, content, expected, message) => {
    await writeFile(path, content)
    await expect(opening()).rejects.toEqual(code(expected))
    await expect(opening()).rejects.toThrow(message)
    await expect(opening()).rejects.toThrow(path)
  })

  test('one that was cut off, wherever that was', async () => {
    const size = await write()
    for (const at of [0, 100, 512, 700, size - archive.length, size - 1024, size - 512]) {
      const file = await open(path, 'r+')
      await file.truncate(at)
      await file.close()
      await expect(opening()).rejects.toEqual(code('bundle-invalid'))
      await write()
    }
  })

  test('none at all, and a folder', async () => {
    await expect(opening()).rejects.toEqual(code('file-unreadable'))
    await mkdir(path)
    await chmod(path, 0o700)
    await expect(opening()).rejects.toEqual(code('file-unreadable'))
  })

  test('a pipe, for whose other end nobody waits', async () => {
    execFileSync('mkfifo', [path])
    await expect(opening()).rejects.toEqual(code('file-unreadable'))
    await expect(opening()).rejects.toThrow('no plain file')
  })
})
