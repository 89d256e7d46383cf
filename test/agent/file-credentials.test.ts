/** A real file and real helpers: small scripts in a folder of PATH. */

import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { askHelper } from '../../agent/registry/credential-helper.ts'
import { fileCredentials } from '../../agent/registry/file-credentials.ts'
import { eventually } from '../support/eventually.ts'

const open = async (config: object, mode = 0o600) => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-credentials-'))
  const path = join(folder, 'config.json')
  const before = process.env.PATH
  process.env.PATH = `${folder}:${before}`
  onTestFinished(async () => {
    process.env.PATH = before
    await rm(folder, { recursive: true, force: true })
  })
  await writeFile(path, JSON.stringify(config))
  await chmod(path, mode)
  const addHelper = async (name: string, script: string): Promise<void> => {
    await writeFile(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  return { folder, path, addHelper }
}

const config = { auths: { 'r.example': { username: 'user', password: 'word' } } }

test('credentials of the file', async () => {
  const { path } = await open(config)
  expect(await fileCredentials(path)('r.example')).toEqual({ username: 'user', password: 'word' })
  expect(await fileCredentials(path)('other.example')).toBeUndefined()
})

test.each([0o640, 0o604, 0o620, 0o602])('a file that others may read or write is refused: %o', async (mode) => {
  const { path } = await open(config, mode)
  await expect(fileCredentials(path)('r.example')).rejects.toMatchObject({
    code: 'credentials-unusable',
    message: expect.stringContaining(`chmod 600 ${path}`),
  })
})

test('a folder in its place is said, and a file of another user, who could change it', async () => {
  const { path, folder } = await open(config)
  await expect(fileCredentials(folder)('r.example')).rejects.toMatchObject({
    code: 'credentials-unusable',
    message: `${folder} is no file`,
  })
  if (process.getuid?.() !== 0) return
  await chown(path, 12_345, 0)
  await expect(fileCredentials(path)('r.example')).rejects.toMatchObject({
    code: 'credentials-unusable',
    message: `${path} belongs to another user (12345), who could change it: chown 0 ${path}`,
  })
})

test('a file that is not there is said, and is read when it is', async () => {
  const { path } = await open(config)
  await rm(path)
  const credentials = fileCredentials(path)
  await expect(credentials('r.example')).rejects.toHaveProperty('code', 'credentials-unusable')
  await writeFile(path, JSON.stringify(config), { mode: 0o600 })
  expect(await credentials('r.example')).toEqual({ username: 'user', password: 'word' })
})

test('a helper is asked on its standard input, anew each time', async () => {
  const { path, folder, addHelper } = await open({ credHelpers: { 'r.example': 'ours' } })
  await addHelper('ours', `cat >> ${folder}/asked; echo "$1" >> ${folder}/asked; echo '{"Username":"u","Secret":"s"}'`)
  const credentials = fileCredentials(path)
  expect(await credentials('r.example')).toEqual({ username: 'u', password: 's' })
  expect(await credentials('r.example')).toEqual({ username: 'u', password: 's' })
  expect(await readFile(join(folder, 'asked'), 'utf8')).toBe('r.exampleget\nr.exampleget\n')
})

test('where the helper has none, the file may', async () => {
  const { path, addHelper } = await open({ ...config, credsStore: 'ours' })
  await addHelper('ours', `echo 'credentials not found in native keychain'; exit 1`)
  expect(await fileCredentials(path)('r.example')).toEqual({ username: 'user', password: 'word' })
})

test('a token of a helper is one', async () => {
  const { addHelper } = await open({})
  await addHelper('ours', `echo '{"Username":"<token>","Secret":"t"}'`)
  expect(await askHelper('ours', 'r.example')).toEqual({ identityToken: 't' })
})

test.each([
  ['fails', 'echo secret-text; exit 3', 'it ended with 3'],
  ['answers nonsense', 'echo secret-text', 'not what a helper answers'],
  ['answers without end', 'while :; do echo secret-text; done', 'too long'],
])('one that %s is said, and nothing of what it printed', async (_name, script, expected) => {
  const { addHelper } = await open({})
  await addHelper('ours', script)
  const failure: unknown = await askHelper('ours', 'r.example').catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'credentials-unusable', message: expect.stringContaining(expected) })
  expect(String(failure)).not.toContain('secret-text')
})

test('one that hangs is ended with all that it started', async () => {
  const { folder, addHelper } = await open({})
  await addHelper('ours', `sleep 60 & echo $! > ${folder}/pid; wait`)
  await expect(askHelper('ours', 'r.example', 1_500)).rejects.toMatchObject({
    code: 'credentials-unusable',
    message: expect.stringContaining('no answer in 1.5 s'),
  })
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
  // A signal is sent at once and felt when its process has its turn.
  await eventually('its end', async () => !(await isRunning(pid)))
})

test('one that is not there, and a name that is none, are said', async () => {
  await expect(askHelper('absent', 'r.example')).rejects.toThrow(/no such program in PATH/)
  await expect(askHelper('../sh', 'r.example')).rejects.toThrow(/no name of a helper/)
})

/** One that ended may wait for whoever inherited it. */
const isRunning = async (pid: number): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return status !== '' && !/^State:\s+Z/m.test(status)
}
