/** The command as it is started, on a real Mosquitto that forgets a device while the link is away. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { reportedOf, statusOf } from '../exporter/messages.ts'
import { openFleet } from '../support/agents.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { documentedDiscovery } from './discovery-schema.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

test('devices are told of, forgotten with the broker, and taken out by --remove', async () => {
  const mosquitto = await startMosquitto()
  onTestFinished(mosquitto.stop)
  const fleet = await openFleet(mosquitto.url)
  const { topics, publish, read } = fleet
  const told = async (): Promise<string[]> => [...(await read(['site/device/+/config'])).keys()].sort()
  const topicOf = (device: string) => `site/device/longshore_${device}/config`
  await publish(topics.status('gw-1'), statusOf(), { retain: true })
  await publish(topics.reported('gw-1', 'shop'), reportedOf('shop'), { retain: true })
  await publish(topics.status('gw-2'), statusOf(), { retain: true })

  const parameters = ['home-assistant', '--broker', mosquitto.url, '--prefix', 'site']
  const child = spawn(process.execPath, [built.path, ...parameters], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  await eventually('both to be told of', async () => (await told()).length === 2)
  const message = JSON.parse(String((await read([topicOf('gw-1')])).get(topicOf('gw-1'))))
  expect(documentedDiscovery.safeParse(message).error).toBeUndefined()
  expect(message.components).toHaveProperty('app_shop')

  // It keeps nothing through a restart: only what is published again is there.
  await mosquitto.restart()
  await publish(topics.status('gw-1'), statusOf(), { retain: true })
  await eventually(
    'only the device that is left to be told of again',
    async () => (await told()).join() === topicOf('gw-1'),
  )

  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(await told()).toEqual([topicOf('gw-1')])
  expect(await runCommand(built.path, [...parameters, '--remove'])).toMatchObject({
    exitCode: 0,
    stdout: 'gw-1: taken out of Home Assistant\n',
  })
  expect(await told()).toEqual([])
})
