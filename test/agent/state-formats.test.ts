/** Every format of the state directory that was ever shipped is read; a fixture of each stays here for good. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openFileStore } from '../../agent/store/file-store.ts'
import { silent } from '../support/agents.ts'

test.each([['state-format-1']])('%s, written by a real agent, is read whole', async (fixture) => {
  const directory = await mkdtemp(join(tmpdir(), 'longshore-format-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await cp(join('test/agent/fixtures', fixture), directory, { recursive: true })
  const store = await openFileStore(directory, silent)
  const read = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(join('test/agent/fixtures', fixture, file), 'utf8'))
  expect(store.apps()).toEqual([await read('apps/hello.json')])
  expect(store.device()).toEqual(await read('device.json'))
  expect(store.app('hello')?.accepted?.verdict?.outcome).toBe('succeeded')
})
