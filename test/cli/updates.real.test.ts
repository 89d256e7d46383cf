/** What an operator may ask of an app that runs, with the built command. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { docker, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, type Ran, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

let built: BuiltCommand
let folder: string

beforeAll(async () => {
  built = await buildCommand()
  folder = await mkdtemp(join(tmpdir(), 'longshore-cli-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await built.remove()
})

const compose = `services:
  web:
    image: longshore/example:1
    network_mode: none
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    environment: {TITLE: "\${TITLE}"}
    deploy: {update_config: {monitor: 300ms}}
`

test('history, rollback, hold and release, stop and start', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  const file = join(folder, 'compose.yaml')
  await writeFile(file, compose)
  const longshore = (...parameters: string[]): Promise<Ran> =>
    runCommand(built.path, parameters, { env: { LONGSHORE_BROKER: url } })
  const deploy = (title: string, ...more: string[]) =>
    longshore('deploy', 'shop', '-f', file, '--device', device, '--set', `TITLE=${title}`, ...more)
  const title = async (): Promise<string | undefined> =>
    (await docker().getContainer(`${device}-shop-web-1`).inspect()).Config.Env.find((text) => text.startsWith('TITLE='))

  expect(await longshore('history', 'shop', '--device', device)).toMatchObject({ exitCode: 1 })
  expect(await deploy('one', '--wait')).toMatchObject({ exitCode: 0 })
  expect(await longshore('rollback', 'shop', '--device', device)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('release-unknown'),
  })
  expect(await deploy('two', '--wait')).toMatchObject({ exitCode: 0 })
  const history = await longshore('history', 'shop', '--device', device, '--json')
  const { releases } = JSON.parse(history.stdout) as { releases: { release: string; outcome: string }[] }
  expect(releases.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded'])
  expect((await longshore('history', 'shop', '--device', device)).stdout).toMatch(/succeeded \(last good\)/)

  expect(await longshore('rollback', 'shop', '--device', device)).toMatchObject({ exitCode: 0 })
  expect(await title()).toBe('TITLE=one')
  const two = releases[0]?.release.slice('sha256:'.length, 'sha256:'.length + 8) ?? ''
  expect(await longshore('rollback', 'shop', '--device', device, '--to', two)).toMatchObject({ exitCode: 0 })
  expect(await title()).toBe('TITLE=two')

  expect(await longshore('hold', 'shop', '--device', device, '--for', '8h', '--reason', 'shift')).toMatchObject({
    exitCode: 0,
  })
  expect(await deploy('three')).toMatchObject({ exitCode: 0 })
  await eventually('the hold to be told', async () => /shift/.test((await longshore('status', 'shop')).stdout))
  expect(await title()).toBe('TITLE=two')
  expect(await longshore('release', 'shop', '--device', device)).toMatchObject({ exitCode: 0 })
  await eventually('the update to go on', async () => (await title()) === 'TITLE=three')

  expect(await longshore('stop', 'shop', 'nothing', '--device', device)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('no service nothing'),
  })
  expect(await longshore('stop', 'shop', '--device', device)).toMatchObject({ exitCode: 0 })
  await eventually('the app to be stopped', async () => /stopped/.test((await longshore('status', 'shop')).stdout))
  expect(await longshore('start', 'shop', '--device', device)).toMatchObject({ exitCode: 0 })
  await eventually('the app to run', async () => /running/.test((await longshore('status', 'shop')).stdout))
  expect(await longshore('hold', 'shop', '--device', 'nobody', '--timeout', '1')).toMatchObject({ exitCode: 3 })
})
