/** The daemon as a process, killed with no word while a device is in, out, or another one: the next one puts it right. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { docker, newDeviceId, openFleet, removeEverythingOf } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { execIn } from '../support/exec-in.ts'
import { asking } from '../support/line.ts'
import { newStateFolder } from '../support/linked-agent.ts'
import { deployAndWait } from '../support/story.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

test('kill -9 while the device is in, out, and another one', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const device = newDeviceId()
  const node = `/dev/ttyT-${device}`
  const [state, secrets] = [await newStateFolder(), await newStateFolder()]
  const settings = {
    device,
    broker: url,
    state,
    secrets,
    engine: `unix://${inject('socketPath')}`,
    'name-prefix': `${device}-`,
  }
  const parameters = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
  onTestFinished(async () => {
    await removeEverythingOf(device)
    for (const path of [node, `/dev/longshore/${device}`]) await rm(path, { recursive: true, force: true })
  })
  const start = () => {
    const child = spawn(process.execPath, [built.path, 'agent', ...parameters], { stdio: 'ignore' })
    const exited = once(child, 'exit')
    const kill = async (): Promise<void> => {
      child.kill('SIGKILL')
      await exited
    }
    onTestFinished(kill)
    return kill
  }
  const plug = (minor: number) => promisify(execFile)('mknod', ['-m', '660', node, 'c', '4', String(minor)])
  const unplug = () => rm(node, { force: true })
  const container = docker().getContainer(`${device}-line-web-1`)
  const has = (minor: number | undefined) =>
    eventually(`minor ${minor}`, async () => {
      const { Id } = await container.inspect()
      const text = await execIn(Id, 'stat -c %T /dev/ttyPLC 2>/dev/null')
      if (text !== (minor?.toString(16) ?? '')) throw new Error(`it is ${text}`)
      return true
    })

  await plug(45)
  let kill = start()
  const model = asking({ match: { path: node }, target: '/dev/ttyPLC' })
  expect(await deployAndWait(await openFleet(url), device, model)).toMatchObject({ outcome: 'succeeded' })
  const { Id, State } = await container.inspect()
  await has(45)

  await kill()
  await unplug()
  kill = start()
  await has(undefined)

  await kill()
  await plug(46)
  kill = start()
  await has(46)

  await kill()
  await unplug()
  await plug(45)
  start()
  await has(45)
  const after = await container.inspect()
  expect([after.Id, after.State.StartedAt]).toEqual([Id, State.StartedAt])
}, 90_000)
