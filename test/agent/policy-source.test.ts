/** The policy as files: read, watched, and the last good one kept. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { followLinks } from '../../agent/files/follow-links.ts'
import { defaultPolicy } from '../../agent/policy/default-policy.ts'
import { openPolicySource, type PolicySourceInput } from '../../agent/policy-source.ts'
import { eventually } from '../support/eventually.ts'

const set = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-policy-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const state = join(folder, 'state')
  const conf = join(folder, 'conf')
  await mkdir(state)
  await mkdir(conf)
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const open = async (changes: Partial<PolicySourceInput> = {}) => {
    const source = await openPolicySource({
      file: join(conf, 'policy.yaml'),
      stateFolder: state,
      allowPrivileged: false,
      own: { folders: [], engineSockets: [] },
      log,
      ...changes,
    })
    onTestFinished(source.stop)
    return source
  }
  const write = (name: string, text: string) => writeFile(join(conf, name), text)
  return { folder, conf, state, lines, open, write }
}

test('no file is the default, and --allow-privileged stands above all files', async () => {
  const { open, write } = await set()
  const source = await open()
  expect(source.inForce().policy).toEqual(defaultPolicy)
  expect(source.status()).toEqual({ source: 'default', files: [] })
  await write('policy.yaml', 'privileged: false')
  expect((await open({ allowPrivileged: true })).inForce().policy.privileged).toBe(true)
})

test('the files of policy.d come after policy.yaml, by name; what is no YAML file is none of them', async () => {
  const { open, write, conf } = await set()
  await mkdir(join(conf, 'policy.d'))
  await write('policy.yaml', 'images: [a]\ncommands: [plan]\ngpus: false')
  await write('policy.d/10-b.yaml', 'images: [b]\ncommands: []')
  await write('policy.d/20-c.yml', 'images: [c]')
  await write('policy.d/30-d.yaml~', 'images: [d]')
  await write('policy.d/.40-e.yaml', 'images: [e]')
  const source = await open()
  expect(source.inForce().policy).toEqual({ ...defaultPolicy, images: ['c'], commands: [], gpus: false })
  const files = ['policy.yaml', 'policy.d/10-b.yaml', 'policy.d/20-c.yml'].map((name) => join(conf, name))
  expect(source.status()).toEqual({ source: 'file', files })
})

test('with a broken file and none before it, the default holds, and the log says file and line', async () => {
  const { open, write, conf, lines } = await set()
  await write('policy.yaml', 'gpus: true\nprivileged: maybe')
  const source = await open()
  expect(source.inForce().policy).toEqual(defaultPolicy)
  const fault = {
    code: 'policy-invalid',
    path: 'privileged',
    message: expect.stringContaining(join(conf, 'policy.yaml:2: ')),
  }
  expect(source.status()).toEqual({ source: 'default', files: [], fault })
  expect(lines).toEqual([
    expect.objectContaining({ level: 50, ...fault, msg: expect.stringContaining('default policy') }),
  ])
})

test('the last good policy outlives a broken file, also over a restart, and ends with the file', async () => {
  const { open, write, conf } = await set()
  await write('policy.yaml', 'images: [ghcr.io/acme]')
  await (await open()).stop()
  await write('policy.yaml', 'images: [')
  const source = await open()
  expect(source.inForce().policy.images).toEqual(['ghcr.io/acme'])
  expect(source.status()).toMatchObject({ source: 'file', fault: { code: 'policy-invalid' } })
  await source.stop()
  await rm(join(conf, 'policy.yaml'))
  const without = await open()
  expect(without.inForce().policy).toEqual(defaultPolicy)
  await without.stop()
  await write('policy.yaml', 'images: [')
  expect((await open()).inForce().policy).toEqual(defaultPolicy)
})

test('a file that is a folder is a fault, and no crash', async () => {
  const { open, conf } = await set()
  await mkdir(join(conf, 'policy.yaml'))
  expect((await open()).status()).toMatchObject({ source: 'default', fault: { code: 'policy-invalid' } })
})

test('a kept policy that nobody can read is set aside', async () => {
  const { open, write, state } = await set()
  await writeFile(join(state, 'policy.json'), '{')
  await write('policy.yaml', 'images: [')
  expect((await open()).inForce().policy).toEqual(defaultPolicy)
})

test('while it runs: a change counts, a broken file changes nothing but what is said, a mended one counts again', async () => {
  const { open, write, conf } = await set()
  const source = await open()
  let changes = 0
  source.watch(() => {
    changes += 1
  })
  await write('policy.yaml', 'images: [a]')
  await eventually('the first file', () => source.inForce().policy.images[0] === 'a')
  await write('policy.yaml', 'images: [')
  await eventually('the fault', () => source.status().fault !== undefined)
  expect(source.inForce().policy.images).toEqual(['a'])
  await mkdir(join(conf, 'policy.d'))
  await write('policy.yaml', 'images: [b]')
  await eventually('the mended file', () => source.inForce().policy.images[0] === 'b')
  expect(source.status().fault).toBeUndefined()
  await write('policy.d/x.yaml', 'images: [c]')
  await eventually(
    'a file in a folder that was not there at the start',
    () => source.inForce().policy.images[0] === 'c',
  )
  await eventually('a call for each', () => changes === 4)
})

test('a change that nobody told of is found by looking', async () => {
  const { open, conf } = await set()
  const source = await open({ file: join(conf, 'later', 'policy.yaml'), pollEveryMs: 20 })
  source.watch(() => undefined)
  await mkdir(join(conf, 'later'))
  await writeFile(join(conf, 'later', 'policy.yaml'), 'images: [a]')
  await eventually('the file', () => source.inForce().policy.images[0] === 'a')
})

test('links are followed to the end, also to what is not there yet', async () => {
  const { folder } = await set()
  const at = (name: string) => join(folder, name)
  await symlink('/etc', at('etc'))
  await symlink('/etc/longshore-not-there/a', at('dangling'))
  await symlink('etc', at('twice'))
  await symlink('circle', at('circle'))
  await symlink(join(folder, 'etc', 'longshore-not-there'), at('behind'))
  expect(followLinks(at('plain/new'))).toBe(at('plain/new'))
  expect(followLinks(at('etc/longshore-new/x'))).toBe('/etc/longshore-new/x')
  expect(followLinks(at('twice/hostname'))).toBe('/etc/hostname')
  expect(followLinks(at('dangling/b'))).toBe('/etc/longshore-not-there/a/b')
  expect(followLinks(at('behind/x'))).toBe('/etc/longshore-not-there/x')
  expect(followLinks(at('circle'))).toBeUndefined()
  expect(followLinks(at('circle/x'))).toBeUndefined()
  expect(followLinks('/')).toBe('/')
})
