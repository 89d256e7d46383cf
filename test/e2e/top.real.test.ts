/** `longshore top` and `longshore telemetry`, as commands, on a device that really samples. */
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { newDeviceId, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { deployAndWait } from '../support/story.ts'

let command: BuiltCommand
beforeAll(async () => {
  command = await buildCommand()
}, 60_000)
afterAll(() => command.remove())

test('a device that tells little tells all it sees while somebody looks, and no longer, on either broker', async () => {
  const look = async (broker: BrokerUnderTest): Promise<void> => {
    const { url, stop } = await broker.start()
    onTestFinished(stop)
    const device = newDeviceId()
    const { agent } = await startTestAgent({ url, device, telemetry: 'minimal' })
    const fleet = await openFleet(url)
    await deployAndWait(fleet, device, modelOf('line', { plc: {} }))

    const top = await runCommand(command.path, ['top', '--broker', url, '--device', device, '--count', '3'])
    expect(top.stderr).toContain(`waiting for telemetry of ${device}`)
    const last = top.stdout.split('DEVICE').at(-1) ?? ''
    expect(last).toMatch(/line +plc +running +\d+\.\d % +\S+ +\S+ \S+iB/)
    expect(agent.status().telemetry).toBe('live')

    const forOne = ['telemetry', 'live', '--for', '1s', '--device', device, '--broker', url]
    expect((await runCommand(command.path, forOne)).stdout).toContain('tells as live until')
    await eventually('the end of it', () => agent.status().telemetry === 'minimal')
  }
  await Promise.all(brokers.map(look))
})

test('a table of hosts ends on SIGTERM, and in JSON each message is a line', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const device = newDeviceId()
  await startTestAgent({ url, device, telemetry: 'live' })
  const hosts = await runCommand(command.path, ['top', '--broker', url, '--count', '2'])
  expect(hosts.exitCode).toBe(0)
  expect(hosts.stdout).toMatch(new RegExp(`${device} +\\S+ +\\d+\\.\\d %`))

  const counted = await runCommand(command.path, ['top', '--json', '--broker', url, '--count', '1'])
  expect(counted).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\{.*\}\n$/) })

  const child = spawn(process.execPath, [command.path, 'top', '--json', '--broker', url])
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await eventually('two lines', () => text.split('\n').length > 2)
  expect(JSON.parse(text.split('\n')[0] ?? '')).toMatchObject({
    device,
    app: null,
    metrics: { uptimeSeconds: expect.any(Number) },
  })
  child.kill('SIGTERM')
  await eventually('its end', () => child.exitCode === 0)
})
