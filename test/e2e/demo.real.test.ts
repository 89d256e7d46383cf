/** `npm run demo` in a pipe: the whole tour once, and nothing of it left. */
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { docker, removeEverythingOf } from '../support/agents.ts'
import { buildCommand, runCommand } from '../support/command.ts'

const demoFolders = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('longshore-demo-'))

test('the tour ends with 0 and takes everything down', async () => {
  const built = await buildCommand()
  onTestFinished(built.remove)
  onTestFinished(() => removeEverythingOf('demo-gateway'))
  const before = await demoFolders()
  const ran = await runCommand(join(dirname(built.path), 'demo.mjs'), ['--no-install'], {
    env: { DOCKER_HOST: `unix://${inject('socketPath')}` },
  })
  expect(ran).toMatchObject({ exitCode: 0 })
  expect(ran.stdout).toMatch(/was killed and ran again after \d+ ms/)
  expect(ran.stdout).not.toContain('could not be taken down')
  const filters = { label: ['io.longshore.agent=demo-gateway'] }
  expect(await docker().listContainers({ all: true, filters })).toEqual([])
  expect(await docker().listNetworks({ filters })).toEqual([])
  expect((await docker().listVolumes({ filters })).Volumes ?? []).toEqual([])
  expect((await demoFolders()).filter((name) => !before.includes(name))).toEqual([])
})
