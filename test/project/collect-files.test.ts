import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { collectFiles, type WantedPath } from '../../src/project/collect-files.ts'
import { FilesError } from '../../src/project/files-error.ts'
import { mostFiles } from '../../src/project/list-files.ts'
import { readSteady } from '../../src/project/read-steady.ts'
import { assignmentSchema } from '../../src/protocol/deployment.ts'

let base: string
let folder: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'longshore-files-'))
  folder = join(base, 'project')
  await mkdir(folder)
})
afterEach(() => rm(base, { recursive: true, force: true }))

const put = async (path: string | Buffer, content: string | Buffer = 'x'): Promise<void> => {
  const absolute = typeof path === 'string' ? join(folder, path) : Buffer.concat([Buffer.from(`${folder}/`), path])
  if (typeof absolute === 'string') await mkdir(dirname(absolute), { recursive: true })
  await writeFile(absolute, content)
}

const link = async (path: string, target: string): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await symlink(target, join(folder, path))
}

const mount = (path: string, rest: Partial<WantedPath> = {}): WantedPath => ({
  ...{ path, at: 'services.web.volumes[0]', mustExist: false, seed: true },
  ...rest,
})

const collect = (wanted: readonly WantedPath[], limitBytes = 200_000) => collectFiles({ folder, wanted, limitBytes })

const sent = async (...wanted: WantedPath[]): Promise<string[]> => Object.keys((await collect(wanted)).files)

const faultsOf = async (work: Promise<unknown>): Promise<string[]> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof FilesError)) throw error ?? new Error('nothing was refused')
  return error.faults.map(({ code, message }) => `${code}: ${message}`)
}

test('a file travels with its digest, its permissions and nothing else of its mode', async () => {
  await put('run.sh', '#!/bin/sh\n')
  await chmod(join(folder, 'run.sh'), 0o4755)
  const { files, notes } = await collect([mount('run.sh')])
  const sha256 = createHash('sha256').update('#!/bin/sh\n').digest('hex')
  expect(files).toEqual({ 'run.sh': { sha256, mode: '0755', content: Buffer.from('#!/bin/sh\n').toString('base64') } })
  expect(assignmentSchema.shape.files.safeParse(files).success).toBe(true)
  expect(notes).toEqual([])
})

test('a folder is walked; empty folders in it stay behind, said once', async () => {
  await put('conf/a')
  await put('conf/deep/b')
  await mkdir(join(folder, 'conf/none'))
  await mkdir(join(folder, 'conf/deep/nothing'))
  await put('other')
  const { files, notes } = await collect([mount('conf')])
  expect(Object.keys(files)).toEqual(['conf/a', 'conf/deep/b'])
  expect(notes).toEqual(['empty folders do not travel: conf/deep/nothing, conf/none'])
})

test('the folder itself, without .git and .longshoreignore; mounts that overlap send each file once', async () => {
  await put('a')
  await put('sub/b')
  await put('.git/config')
  await put('.longshoreignore', '')
  expect(await sent(mount('.'), mount('sub'), mount('sub/b'))).toEqual(['a', 'sub/b'])
})

test('an environment file that was only swept along is pointed out', async () => {
  await put('app/.env')
  expect((await collect([mount('app')])).notes).toEqual([
    'whoever may read the topic can read app/.env: name it in .longshoreignore if it holds secrets',
  ])
  expect((await collect([mount('app/.env')])).notes).toEqual([])
})

test('what is not there sends nothing, unless it must be there', async () => {
  expect(await sent(mount('data'), mount('data/deeper'))).toEqual([])
  const wanted = mount('app.conf', { mustExist: true, at: 'configs.app.file' })
  expect(await faultsOf(collect([wanted]))).toEqual(['file-unreadable: app.conf is not there'])
  await expect(collect([wanted])).rejects.toMatchObject({ code: 'file-unreadable', path: 'configs.app.file' })
})

test('nothing of a mount without seed travels, not with a mount around it either, but what is named below does', async () => {
  await put('data/a')
  await put('data/keep/b')
  await put('c')
  await execFileSync('mkfifo', [join(folder, 'data/pipe')])
  const withheld = mount('data', { seed: false })
  expect(await sent(withheld)).toEqual([])
  expect(await sent(mount('.'), withheld)).toEqual(['c'])
  expect(await sent(mount('.'), withheld, mount('data/keep'))).toEqual(['c', 'data/keep/b'])
})

test('there is no such project folder', async () => {
  await expect(collectFiles({ folder: join(folder, 'none'), wanted: [], limitBytes: 1 })).rejects.toMatchObject({
    code: 'file-unreadable',
    message: expect.stringContaining('there is no such file'),
  })
})

describe('nothing outside the folder is read', () => {
  test.each([['../secret'], ['/etc/hostname'], ['a/../../secret']])('by the path %s', async (path) => {
    await writeFile(join(base, 'secret'), 'x')
    expect(await faultsOf(collect([mount(path)]))).toEqual([
      expect.stringMatching(/^file-outside: .* is outside the project folder$/),
    ])
  })

  test('by a link to a file, to a folder, or on the way', async () => {
    await mkdir(join(base, 'project-2'))
    await writeFile(join(base, 'project-2/file'), 'x')
    await link('file', '/etc/hostname')
    await link('near', '../project-2')
    await link('mounted/deep/link', join(base, 'project-2/file'))
    await link('via', 'near/file')
    const wanted = ['file', 'near/file', 'mounted', 'via'].map((path) => mount(path))
    const outside = 'outside the project folder'
    expect(await faultsOf(collect(wanted))).toEqual([
      `file-outside: file is a link to /etc/hostname, ${outside}`,
      `file-outside: near/file is a link to ${base}/project-2, ${outside}`,
      `file-outside: mounted/deep/link is a link to ${base}/project-2/file, ${outside}`,
      `file-outside: via is a link to ${base}/project-2/file, ${outside}`,
    ])
  })

  test('the project folder may be a link itself', async () => {
    await put('a')
    await symlink(folder, join(base, 'alias'))
    const { files } = await collectFiles({ folder: join(base, 'alias'), wanted: [mount('.')], limitBytes: 100 })
    expect(Object.keys(files)).toEqual(['a'])
  })
})

test('links that stay inside are followed, under their own paths', async () => {
  await put('real/a', 'content')
  await link('current', 'real')
  await link('alias', 'real/a')
  await link('absolute', join(folder, 'real', 'a'))
  const { files } = await collect([mount('.')])
  expect(Object.keys(files)).toEqual(['absolute', 'alias', 'current/a', 'real/a'])
  expect(new Set(Object.values(files).map(({ content }) => content)).size).toBe(1)
})

test('links in a circle, to a folder above, and to nothing', async () => {
  await put('here/a')
  await link('one', 'two')
  await link('two', 'one')
  await link('here/up', '..')
  await link('gone', 'nowhere')
  expect(await faultsOf(collect([mount('.')]))).toEqual([
    'file-unsuitable: gone is a link to nowhere, which is not there',
    'file-unsuitable: here/up is a link to a folder that it stands in',
    'file-unsuitable: one is a link to two, which leads back to itself',
    'file-unsuitable: two is a link to one, which leads back to itself',
  ])
  await put('.longshoreignore', 'gone\n/one\n/two\nup/\n')
  expect(await sent(mount('.'))).toEqual(['here/a'])
})

test('folders that link to each other end at the limit', async () => {
  for (let level = 0; level < 16; level += 1) {
    await mkdir(join(folder, `f${level}`))
    await link(`f${level}/x`, `../f${level + 1}`)
    await link(`f${level}/y`, `../f${level + 1}`)
  }
  await mkdir(join(folder, 'f16'))
  expect(await faultsOf(collect([mount('f0')]))).toEqual([
    expect.stringMatching(/^files-too-large: more than 2000 folders/),
  ])
})

test('a pipe, a socket and a device are refused and never opened', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const server = createServer().listen(join(folder, 'sock'))
  onTestFinished(() => void server.close())
  await link('null', '/dev/null')
  expect(await faultsOf(collect([mount('.'), mount('pipe')]))).toEqual([
    'file-outside: null is a link to /dev/null, outside the project folder',
    'file-unsuitable: pipe is a pipe, not a file',
    'file-unsuitable: sock is a socket, not a file',
  ])
})

test('a pipe or a link that takes the place of a file is not read', async () => {
  await put('a')
  const swapped = async (command: string, ...parameters: string[]) => {
    execFileSync(command, parameters)
    return await readSteady(join(folder, 'a'), 100).catch((error) => (error as NodeJS.ErrnoException).code)
  }
  expect(await swapped('ln', '-sf', '/etc/hostname', join(folder, 'a'))).toBe('ELOOP')
  await rm(join(folder, 'a'))
  expect(await swapped('mkfifo', join(folder, 'a'))).toEqual({ kind: 'changed' })
})

test('a folder on the way that becomes a link is not followed', async () => {
  await put('conf/a')
  await mkdir(join(base, 'elsewhere'))
  await writeFile(join(base, 'elsewhere/a'), 'secret')
  const real = join(folder, 'conf/a')
  await rm(join(folder, 'conf'), { recursive: true })
  await link('conf', '../elsewhere')
  expect(await readSteady(real, 100)).toEqual({ kind: 'changed' })
})

test('a file that this user may not read is named', async () => {
  await put('locked/a')
  await put('b')
  await chmod(join(folder, 'b'), 0)
  await chmod(join(folder, 'locked'), 0)
  await chmod(base, 0o755)
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    expect(await faultsOf(collect([mount('.')]))).toEqual([
      'file-unreadable: locked cannot be read: this user may not read it',
    ])
    expect(await faultsOf(collect([mount('b')]))).toEqual([
      'file-unreadable: b cannot be read: this user may not read it',
    ])
  } finally {
    if (isRoot) process.seteuid?.(0)
    await chmod(join(folder, 'locked'), 0o755)
  }
})

test('a file that changes while it is read is read again, and refused when it never rests', async () => {
  await put('log', 'begun')
  const path = join(folder, 'log')
  let writes = 0
  const openDisturbed = (mostWrites: number) => async () => {
    const handle = await open(path, 'r')
    const read = handle.read.bind(handle) as (...given: unknown[]) => Promise<{ bytesRead: number; buffer: Buffer }>
    const disturbed = async (...given: unknown[]) => {
      const result = await read(...given)
      if (writes < mostWrites) await writeFile(path, 'more', { flag: 'a' })
      writes += 1
      return result
    }
    return Object.assign(handle, { read: disturbed as unknown as typeof handle.read })
  }
  const once = await readSteady(path, 1_000, openDisturbed(1))
  expect(once).toMatchObject({ kind: 'read', content: Buffer.from('begunmore') })
  expect(await readSteady(path, 1_000, openDisturbed(Number.POSITIVE_INFINITY))).toEqual({ kind: 'changed' })
})

test('ten thousand files are refused without one of them being read', async () => {
  await mkdir(join(folder, 'node_modules'))
  execFileSync('sh', ['-c', 'seq 10000 | xargs touch'], { cwd: join(folder, 'node_modules') })
  await put('conf')
  const startedMs = performance.now()
  expect(await faultsOf(collect([mount('.')]))).toEqual([
    `files-too-large: more than ${mostFiles} files would travel, most of them in node_modules`,
  ])
  expect(performance.now() - startedMs).toBeLessThan(5_000)
  await put('.longshoreignore', 'node_modules\n')
  expect(await sent(mount('.'))).toEqual(['conf'])
})

test('too many bytes: the five largest are named', async () => {
  for (const [index, size] of [10, 900, 20, 300, 400, 500].entries()) await put(`f${index}`, 'x'.repeat(size))
  const [fault, ...more] = await faultsOf(collect([mount('.')], 2_000))
  expect(more).toEqual([])
  expect(fault).toBe(
    'files-too-large: the files have 2848 bytes in base64, 2000 may travel; the largest: f1 (900 bytes), f5 (500 bytes), f4 (400 bytes), f3 (300 bytes), f2 (20 bytes)',
  )
  expect(Object.keys((await collect([mount('.')], 2_848)).files)).toHaveLength(6)
})

test('names that cannot be sent are refused in a printable form', async () => {
  await put('line\nbreak')
  await put('tab\there')
  await put('__proto__')
  await put(Buffer.from([0x61, 0xff, 0x62]))
  await put('grüße-日本.txt')
  const deep = `${'d'.repeat(200)}/`.repeat(5)
  await put(`${deep}${'f'.repeat(30)}`)
  const faults = await faultsOf(collect([mount('.')]))
  expect(faults).toEqual([
    'file-unsuitable: __proto__ has a name that cannot be sent',
    'file-unsuitable: a\\xffb has a name that is not UTF-8',
    expect.stringContaining(`${'f'.repeat(30)} is a path of 1035 bytes, the most is 1024`),
    'file-unsuitable: line\\nbreak has a control character in its name',
    'file-unsuitable: tab\\there has a control character in its name',
  ])
  await put('.longshoreignore', '__proto__\na*b\n/d*\n*break\n*here\n')
  expect(await sent(mount('.'))).toEqual(['grüße-日本.txt'])
  expect(await faultsOf(collect([mount('a\nb')]))).toEqual([
    'file-unsuitable: a\\nb has a control character in its name',
  ])
})

test('everything is said at once, with where the Compose file names it', async () => {
  await link('out', '/etc')
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const wanted = [
    mount('out'),
    mount('pipe', { at: 'services.db.volumes[1]' }),
    mount('none', { at: 'configs.c.file', mustExist: true }),
  ]
  await expect(collect(wanted)).rejects.toMatchObject({
    code: 'file-outside',
    message: [
      'services.web.volumes[0]: out is a link to /etc, outside the project folder',
      'services.db.volumes[1]: pipe is a pipe, not a file',
      'configs.c.file: none is not there',
    ].join('\n'),
  })
})

describe('.longshoreignore', () => {
  test('has the syntax of .gitignore, and its case', async () => {
    for (const path of ['a.log', 'A.LOG', 'keep.log', 'cache/x', 'sub/cache/y', 'sub/only', 'build']) await put(path)
    await put('.longshoreignore', '# what stays\n*.log\n!keep.log\ncache/\n/only\nbuild/\n')
    expect(await sent(mount('.'))).toEqual(['A.LOG', 'build', 'keep.log', 'sub/only'])
  })

  test('holds for folders that are named, and not for single files that are named, which is said', async () => {
    await put('data/a')
    await put('data/b.db')
    await put('app.conf')
    await put('.longshoreignore', 'data/\n*.conf\n')
    expect(await sent(mount('data'))).toEqual([])
    const { files, notes } = await collect([mount('app.conf', { mustExist: true }), mount('data/b.db')])
    expect(Object.keys(files)).toEqual(['app.conf', 'data/b.db'])
    expect(notes).toEqual([
      'sent though .longshoreignore has it, because the Compose file names it: app.conf, data/b.db',
    ])
  })

  test('hides what could not travel', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')])
    await put('run/pipe')
    await link('out', '/etc')
    await put('.longshoreignore', 'pipe\nout/\nrun\n')
    expect(await sent(mount('.'))).toEqual([])
  })

  test.each([
    ['a folder', async () => void (await mkdir(join(folder, '.longshoreignore'))), 'is a folder, not a file'],
    ['not UTF-8', () => put('.longshoreignore', Buffer.from([0xff])), 'is not UTF-8'],
    ['huge', () => put('.longshoreignore', '#'.repeat(70_000)), 'has 70000 bytes, 65536 are read'],
    ['elsewhere', () => link('.longshoreignore', '/etc/hostname'), 'is a link to /etc/hostname'],
  ])('%s: refused', async (_name, make, message) => {
    await make()
    await expect(collect([])).rejects.toMatchObject({ message: expect.stringContaining(message) })
  })
})

test('what is collected decodes to what is on disk', async () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9 _.äß日-]{1,12}$/).filter((text) => !/^\.{1,2}$/.test(text))
  const tree = fc.dictionary(
    fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
    fc.uint8Array({ maxLength: 300 }),
    { maxKeys: 8 },
  )
  await fc.assert(
    fc.asyncProperty(tree, async (contents) => {
      await rm(folder, { recursive: true })
      await mkdir(folder)
      const kept = new Map<string, Buffer>()
      for (const [path, bytes] of Object.entries(contents)) {
        if (path.split('/').includes('.git') || path.startsWith('.longshoreignore')) continue
        // A name may be taken by a folder already, or the other way round.
        const isPut = await put(path, Buffer.from(bytes)).then(
          () => true,
          () => false,
        )
        if (isPut) kept.set(path, Buffer.from(bytes))
      }
      const { files } = await collect([mount('.')])
      expect(
        new Map(Object.entries(files).map(([path, { content }]) => [path, Buffer.from(content, 'base64')])),
      ).toEqual(new Map([...kept].sort(([a], [b]) => (a < b ? -1 : 1))))
      for (const { sha256, content } of Object.values(files))
        expect(createHash('sha256').update(Buffer.from(content, 'base64')).digest('hex')).toBe(sha256)
    }),
    { numRuns: 60 },
  )
})
