import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chown, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { diskFiles } from '../../agent/files/disk-files.ts'
import { memoryFiles } from '../../agent/files/memory-files.ts'
import type { ProjectFiles } from '../../agent/files/project-files.ts'
import { findSecretsFolder } from '../../agent/files/secrets-folder.ts'
import type { Tree, TreeFile } from '../../agent/translate/project-mounts.ts'

const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
const contents = (...texts: string[]) => new Map(texts.map((text) => [sha(text), Buffer.from(text)]))
const noSecret = async (): Promise<Uint8Array> => {
  throw new Error('no secret was expected')
}
const tree = (files: Record<string, TreeFile>, isSecret = false): Tree => ({
  digest: sha(JSON.stringify(files)),
  isSecret,
  files,
})
const write = (path: string, text: string, found: string | null = null) =>
  ({ kind: 'write', path, sha256: sha(text), mode: '0644', found: found === null ? null : sha(found) }) as const

const onDisk = async (): Promise<{ files: ProjectFiles; data: string; root: string }> => {
  const root = await mkdtemp(join(tmpdir(), 'longshore-files-'))
  const secrets = await findSecretsFolder([join('/dev/shm', `longshore-files-${process.pid}`)])
  onTestFinished(async () => {
    await rm(root, { recursive: true, force: true })
    if (secrets !== undefined) await rm(secrets, { recursive: true, force: true })
  })
  const files = diskFiles(root, secrets)
  return { files, data: files.paths('shop').data, root }
}

describe.each([
  ['disk', async () => (await onDisk()).files],
  ['memory', async () => memoryFiles()],
])('the files of an app, on %s', (_, open) => {
  test('begin with nothing', async () => {
    const files = await open()
    expect(await files.observe('shop', ['a'])).toEqual({
      trees: [],
      secretTrees: [],
      data: { a: { kind: 'missing' } },
      hasRelease: false,
      hasData: false,
      hasLockFolder: false,
    })
  })

  test('a tree stands once its contents are there, and only then', async () => {
    const files = await open()
    const wanted = tree({
      'a/b': { content: { sha256: sha('one') }, mode: '0644' },
      c: { content: { text: 'two' }, mode: '0600' },
    })
    await expect(files.placeTree('shop', wanted, noSecret)).rejects.toMatchObject({ code: 'file-missing' })
    expect((await files.observe('shop', [])).trees).toEqual([])
    await files.keep('shop', contents('one'), new Set([sha('one')]))
    await files.placeTree('shop', wanted, noSecret)
    await files.placeTree('shop', wanted, noSecret)
    expect(await files.observe('shop', [])).toMatchObject({ trees: [wanted.digest], hasRelease: true })
    expect(await files.observe('till', [])).toMatchObject({ trees: [], hasRelease: false })
    await files.removeTrees('shop', [wanted.digest], [])
    expect((await files.observe('shop', [])).trees).toEqual([])
  })

  test('a file takes the place of a folder that is empty, and of no other', async () => {
    const files = await open()
    await files.keep('shop', contents('one'), new Set([sha('one')]))
    await files.changeData('shop', [write('conf/sub/a', 'one'), write('full/a', 'one')])
    await files.changeData('shop', [{ kind: 'remove', path: 'conf/sub/a', found: sha('one') }])
    await files.changeData('shop', [write('conf', 'one')])
    expect((await files.observe('shop', ['conf'])).data.conf).toEqual({ kind: 'file', sha256: sha('one') })
    await expect(files.changeData('shop', [write('full', 'one')])).rejects.toMatchObject({ code: 'path-unsafe' })
  })

  test('changes side by side may need the same folder', async () => {
    const files = await open()
    const names = [...Array(12).keys()].map((n) => `deep/er/f${n}`)
    await Promise.all(names.map((path) => files.changeData('shop', [{ kind: 'folder', path }])))
    expect(Object.values((await files.observe('shop', names)).data)).toEqual(names.map(() => ({ kind: 'folder' })))
  })

  test('a secret tree is apart', async () => {
    const files = await open()
    const wanted = tree({ key: { content: { secret: 'key', version: 'v1' }, mode: '0400' } }, true)
    await files.placeTree('shop', wanted, async () => Buffer.from('s3cret'))
    expect(await files.observe('shop', [])).toMatchObject({ trees: [], secretTrees: [wanted.digest] })
    await files.removeTrees('shop', [], [wanted.digest])
    expect((await files.observe('shop', [])).secretTrees).toEqual([])
  })

  test('a writable file is changed only from what the change was decided on', async () => {
    const files = await open()
    await files.keep('shop', contents('one', 'two'), new Set([sha('one'), sha('two')]))
    expect(await files.changeData('shop', [write('conf/a', 'one')])).toEqual([{ path: 'conf/a', outcome: 'done' }])
    expect((await files.observe('shop', ['conf', 'conf/a', 'b'])).data).toEqual({
      conf: { kind: 'folder' },
      'conf/a': { kind: 'file', sha256: sha('one') },
      b: { kind: 'missing' },
    })
    expect(await files.changeData('shop', [write('conf/a', 'two', 'other')])).toEqual([
      { path: 'conf/a', outcome: 'changed', found: sha('one') },
    ])
    expect(await files.changeData('shop', [write('conf/a', 'two')])).toEqual([
      { path: 'conf/a', outcome: 'changed', found: sha('one') },
    ])
    expect(await files.changeData('shop', [write('conf/a', 'two', 'one')])).toEqual([
      { path: 'conf/a', outcome: 'done' },
    ])
    // Once more after a crash: it is so already.
    expect(await files.changeData('shop', [write('conf/a', 'two', 'one')])).toEqual([
      { path: 'conf/a', outcome: 'done' },
    ])
    expect(await files.changeData('shop', [{ kind: 'remove', path: 'conf/a', found: sha('one') }])).toEqual([
      { path: 'conf/a', outcome: 'changed', found: sha('two') },
    ])
    const removal = { kind: 'remove', path: 'conf/a', found: sha('two') } as const
    expect(await files.changeData('shop', [removal, removal])).toEqual([
      { path: 'conf/a', outcome: 'done' },
      { path: 'conf/a', outcome: 'done' },
    ])
  })

  test('an empty folder is made', async () => {
    const files = await open()
    await files.changeData('shop', [{ kind: 'folder', path: 'a/b' }])
    expect((await files.observe('shop', ['a', 'a/b', ''])).data).toEqual({
      a: { kind: 'folder' },
      'a/b': { kind: 'folder' },
      '': { kind: 'folder' },
    })
  })

  test('contents that nothing needs are forgotten', async () => {
    const files = await open()
    await files.keep('shop', contents('one', 'two'), new Set([sha('one'), sha('two')]))
    await files.keep('shop', new Map(), new Set([sha('two')]))
    expect(await files.changeData('shop', [write('b', 'two')])).toEqual([{ path: 'b', outcome: 'done' }])
    await expect(files.changeData('shop', [write('a', 'one')])).rejects.toMatchObject({ code: 'file-missing' })
  })

  test('an app goes with or without its data', async () => {
    const files = await open()
    await files.keep('shop', contents('one'), new Set([sha('one')]))
    await files.changeData('shop', [write('a', 'one')])
    await files.placeTree('shop', tree({ c: { content: { text: 'two' }, mode: '0644' } }), noSecret)
    await files.removeProject('shop', { data: false })
    expect(await files.observe('shop', ['a'])).toMatchObject({
      hasRelease: false,
      hasData: true,
      data: { a: { kind: 'file' } },
    })
    await files.removeProject('shop', { data: true })
    expect(await files.observe('shop', ['a'])).toMatchObject({ hasData: false, data: { a: { kind: 'missing' } } })
  })
})

describe('on disk', () => {
  test('modes and owners are as asked, whatever the umask', async () => {
    const before = process.umask(0o077)
    onTestFinished(() => void process.umask(before))
    const { files, data } = await onDisk()
    await files.keep('shop', contents('one'), new Set([sha('one')]))
    const owner = { uid: 1234, gid: 567 }
    await files.changeData('shop', [{ ...write('d/a.sh', 'one'), mode: '0755', owner }])
    const seen = await stat(join(data, 'd/a.sh'))
    expect([seen.mode & 0o7777, seen.uid, seen.gid]).toEqual([0o755, 1234, 567])
    const folder = await stat(join(data, 'd'))
    expect([folder.mode & 0o7777, folder.uid]).toEqual([0o755, 1234])
    const wanted = tree({ k: { content: { text: 'x' }, mode: '0400', uid: 70, gid: 71 } })
    await files.placeTree('shop', wanted, noSecret)
    const inTree = await stat(join(files.paths('shop').trees, wanted.digest, 'k'))
    expect([inTree.mode & 0o7777, inTree.uid, inTree.gid]).toEqual([0o400, 70, 71])
  })

  test('a secret stands in memory and nowhere on the disk', async () => {
    const { files, root } = await onDisk()
    const wanted = tree({ key: { content: { secret: 'key', version: 'v1' }, mode: '0444' } }, true)
    await files.placeTree('shop', wanted, async () => Buffer.from('s3cret-value'))
    const { secrets } = files.paths('shop')
    expect(await readFile(join(secrets, wanted.digest, 'key'), 'utf8')).toBe('s3cret-value')
    const found = spawnSync('grep', ['-rl', 's3cret-value', root], { encoding: 'utf8' })
    expect([found.status, found.stdout]).toEqual([1, ''])
  })

  test.skipIf(process.getuid?.() !== 0)(
    'a folder that somebody else made in memory is not taken for secrets',
    async () => {
      const theirs = await mkdtemp('/dev/shm/longshore-theirs-')
      onTestFinished(() => rm(theirs, { recursive: true, force: true }))
      await chown(theirs, 4242, 4242)
      expect(await findSecretsFolder([join(theirs, 'gw-1')])).toBeUndefined()
      await chown(theirs, 0, 0)
      expect(await findSecretsFolder([join(theirs, 'gw-1')])).toBe(join(theirs, 'gw-1'))
    },
  )

  test('without a folder in memory a secret is refused', async () => {
    const { root } = await onDisk()
    expect(await findSecretsFolder([join(root, 'secrets')])).toBeUndefined()
    const files = diskFiles(root, undefined)
    const wanted = tree({ key: { content: { secret: 'key', version: 'v1' }, mode: '0444' } }, true)
    await expect(files.placeTree('shop', wanted, async () => Buffer.from('x'))).rejects.toMatchObject({
      code: 'secret-store-unusable',
    })
  })

  describe('what a container puts in the way leads nowhere', () => {
    const trap = async () => {
      const { files, data } = await onDisk()
      await files.keep('shop', contents('one', 'two'), new Set([sha('one'), sha('two')]))
      await files.changeData('shop', [write('conf/a', 'one')])
      const outside = await mkdtemp(join(tmpdir(), 'longshore-outside-'))
      onTestFinished(() => rm(outside, { recursive: true, force: true }))
      await writeFile(join(outside, 'a'), 'one')
      return { files, data, outside }
    }

    test('a link in place of a folder', async () => {
      const { files, data, outside } = await trap()
      await rm(join(data, 'conf'), { recursive: true })
      await symlink(outside, join(data, 'conf'))
      await expect(files.changeData('shop', [write('conf/a', 'two', 'one')])).rejects.toMatchObject({
        code: 'path-unsafe',
      })
      await expect(
        files.changeData('shop', [{ kind: 'remove', path: 'conf/a', found: sha('one') }]),
      ).rejects.toMatchObject({
        code: 'path-unsafe',
      })
      await expect(files.changeData('shop', [{ kind: 'folder', path: 'conf/new' }])).rejects.toMatchObject({
        code: 'path-unsafe',
      })
      expect((await files.observe('shop', ['conf', 'conf/a'])).data).toEqual({
        conf: { kind: 'unsafe' },
        'conf/a': { kind: 'unsafe' },
      })
      expect(await readdir(outside)).toEqual(['a'])
      expect(await readFile(join(outside, 'a'), 'utf8')).toBe('one')
    })

    test('a link in place of a file', async () => {
      const { files, data, outside } = await trap()
      await rm(join(data, 'conf/a'))
      await symlink(join(outside, 'a'), join(data, 'conf/a'))
      await expect(files.changeData('shop', [write('conf/a', 'two', 'one')])).rejects.toMatchObject({
        code: 'path-unsafe',
      })
      expect(await readFile(join(outside, 'a'), 'utf8')).toBe('one')
    })

    test('a pipe in place of a file keeps nobody waiting', async () => {
      const { files, data } = await trap()
      await rm(join(data, 'conf/a'))
      execFileSync('mkfifo', [join(data, 'conf/a')])
      expect((await files.observe('shop', ['conf/a'])).data).toEqual({ 'conf/a': { kind: 'unsafe' } })
      await expect(files.changeData('shop', [write('conf/a', 'two', 'one')])).rejects.toMatchObject({
        code: 'path-unsafe',
      })
    })

    test('the data folder itself, replaced by a link', async () => {
      const { files, data, outside } = await trap()
      await rm(data, { recursive: true })
      await symlink(outside, data)
      await expect(files.changeData('shop', [write('a', 'two', 'one')])).rejects.toMatchObject({ code: 'path-unsafe' })
      await files.removeProject('shop', { data: true })
      expect(await readdir(outside)).toEqual(['a'])
    })
  })

  test('a file in the data folder that is too long to have come in a release is taken for changed, unread', async () => {
    const { files, data } = await onDisk()
    await mkdir(data, { recursive: true })
    execFileSync('truncate', ['-s', '1T', join(data, 'big')])
    expect((await files.observe('shop', ['big'])).data).toEqual({ big: { kind: 'file', sha256: `${2 ** 40} bytes` } })
  })

  test('what a power cut left half-made is gone at the first look', async () => {
    const { files } = await onDisk()
    const { trees, secrets } = files.paths('shop')
    for (const folder of [trees, secrets]) await mkdir(join(folder, '.half-made'), { recursive: true })
    expect(await files.observe('shop', [])).toMatchObject({ trees: [], secretTrees: [] })
    expect([await readdir(trees), await readdir(secrets)]).toEqual([[], []])
  })

  test('nothing half-made is left by a tree that could not be made', async () => {
    const { files } = await onDisk()
    const wanted = tree({
      a: { content: { text: 'x' }, mode: '0644' },
      b: { content: { sha256: sha('none') }, mode: '0644' },
    })
    await expect(files.placeTree('shop', wanted, noSecret)).rejects.toMatchObject({ code: 'file-missing' })
    expect(await readdir(files.paths('shop').trees)).toEqual([])
    expect((await lstat(files.paths('shop').trees)).isDirectory()).toBe(true)
  })
})
