/** The device's word on itself: on the broker for others, and on its own socket. */
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { agentStatusSchema, statusSocketName } from '../../src/protocol/local.ts'
import { statusSchema } from '../../src/protocol/status.ts'
import { newDeviceId, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

let command: BuiltCommand
beforeAll(async () => {
  command = await buildCommand()
}, 60_000)
afterAll(() => command.remove())

test('an engine that is away is in the retained status of either broker, and on the device it is read with no network', async () => {
  const follow = async (broker: BrokerUnderTest): Promise<void> => {
    const { url, stop } = await broker.start()
    onTestFinished(stop)
    const [fleet, device] = [await openFleet(url), newDeviceId()]
    const engineUrl = 'unix:///nonexistent/engine.sock'
    const { state } = await startTestAgent({ url, device, telemetry: 'live', engineUrl })
    const verdicts: string[] = []
    await fleet.watch([fleet.topics.status(device)], ({ payload }) => {
      const { health } = statusSchema.parse(JSON.parse(payload.toString()))
      verdicts.push([health?.verdict, ...(health?.reasons ?? []).map(({ code }) => code)].join(' '))
    })
    await eventually('the birth', () => verdicts.includes('ok'))
    const status = (...more: string[]) => runCommand(command.path, ['agent', 'status', '--state', state, ...more])
    const healthy = await status('--json')
    expect(healthy.exitCode).toBe(0)
    expect(agentStatusSchema.parse(JSON.parse(healthy.stdout))).toMatchObject({ device, engine: { isThere: false } })
    await eventually('the verdict', () => verdicts.at(-1) === 'failing engine-unreachable', { timeoutMs: 60_000 })
    const failing = await status('--json')
    expect(failing.exitCode).toBe(1)
    expect(JSON.parse(failing.stdout)).toMatchObject({ health: { verdict: 'failing' }, link: { isConnected: true } })
    expect((await status()).stdout).toMatch(/engine-unreachable: the container engine does not answer/)
    expect((await runCommand(command.path, ['devices', '--broker', url])).stdout).toMatch(/failing/)
  }
  await Promise.all(brokers.map(follow))
})

test('the status socket answers that one question only', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { state } = await startTestAgent({ url })
  const ask = (method: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ socketPath: join(state, statusSocketName), method, path }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
        .once('error', reject)
        .end()
    })
  expect(await ask('GET', '/status')).toBe(200)
  for (const [method, path] of [
    ['POST', '/status'],
    ['GET', '/apps/line'],
    ['POST', '/deployments'],
    ['DELETE', '/'],
  ] as const)
    expect(await ask(method, path)).toBe(404)
  expect((await runCommand(command.path, ['agent', 'status', '--state', join(state, 'nowhere')])).exitCode).toBe(3)
})
