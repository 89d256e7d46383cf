/** What is told of containers, beside what the engine counts for them at the same moment. */
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, inject, onTestFinished, test } from 'vitest'
import { telemetrySchema } from '../../src/protocol/telemetry.ts'
import { newDeviceId, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf, sleeper } from '../support/models.ts'
import { deployAndWait } from '../support/story.ts'

const open = async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const fleet = await openFleet(url)
  const device = newDeviceId()
  const told = new Map<string, Record<string, number>>()
  await fleet.watch([`longshore/v1/${device}/telemetry/#`], ({ topic, payload }) => {
    told.set(topic.replace(/^.*telemetry\//, ''), telemetrySchema.parse(JSON.parse(payload.toString())) as never)
  })
  return { url, fleet, device, told }
}

/** What the engine itself says: its API counts from the same kernel, on a way of its own. */
const engineStats = (name: string): Promise<EngineStats> =>
  new Promise((resolve, reject) => {
    const path = `/containers/${name}/stats?stream=false&one-shot=true`
    request({ socketPath: inject('socketPath'), path }, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      resolve(JSON.parse(Buffer.concat(chunks).toString()) as EngineStats)
    })
      .once('error', reject)
      .end()
  })

type EngineStats = {
  readonly pids_stats: { readonly current: number }
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } }
  readonly memory_stats: { readonly usage: number; readonly stats: Readonly<Record<string, number>> }
  readonly networks: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>
}

test('agrees with the engine on containers that are made busy, and a counter survives their end', async () => {
  const { url, fleet, device, told } = await open()
  await startTestAgent({ url, device, telemetry: 'live' })
  const busy = 'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.02; done'
  const model = modelOf('line', {
    // Twenty megabytes of memory, held for good, in the environment of nobody.
    busy: {
      command: ['sh', '-c', `trap exit TERM; x=$(dd if=/dev/zero bs=1M count=20 2>/dev/null | tr '\\0' x); ${busy}`],
      cpus: 0.5,
    },
    idle: { ...sleeper, mem_limit: 64 * 1024 * 1024 } as never,
  })
  await deployAndWait(fleet, device, model)
  const name = `${device}-line-busy-1`
  await eventually('two samples', () => (told.get('app/line')?.['busy.cpuPercent'] ?? 0) > 0)
  const at = async () => {
    const seen = told.get('app/line')
    // The moment when it is told, and the engine asked.
    await eventually('a new sample', () => told.get('app/line') !== seen)
    return { told: told.get('app/line') ?? {}, stats: await engineStats(name) }
  }
  const first = await at()
  await delay(3_000)
  const last = await at()
  const engineMs = (last.stats.cpu_stats.cpu_usage.total_usage - first.stats.cpu_stats.cpu_usage.total_usage) / 1e6
  const toldMs = (last.told['busy.cpuMs'] ?? 0) - (first.told['busy.cpuMs'] ?? 0)
  expect(engineMs).toBeGreaterThan(300)
  // Both moments lie within the 100 ms in which the message came.
  expect(Math.abs(toldMs - engineMs) / engineMs).toBeLessThan(0.15)
  const { usage, stats } = last.stats.memory_stats
  const memory = usage - (stats.total_inactive_file ?? stats.inactive_file ?? 0)
  expect(Math.abs((last.told['busy.memoryBytes'] ?? 0) - memory)).toBeLessThan(8 * 1024 * 1024)
  expect(last.told['busy.memoryBytes']).toBeGreaterThan(20 * 1024 * 1024)
  expect(Math.abs((last.told['busy.pids'] ?? 0) - last.stats.pids_stats.current)).toBeLessThanOrEqual(2)
  expect(last.told).toMatchObject({
    ...{ 'busy.containers': 1, 'busy.restarts': 0, 'idle.containers': 1, 'idle.memoryLimitBytes': 64 * 1024 * 1024 },
    'busy.imageBytes': Number(execFileSync('docker', ['image', 'inspect', '-f', '{{.Size}}', 'longshore/example:1'])),
  })

  // Bytes that come over its own network count, by as much as the engine counts.
  const before = (await engineStats(name)).networks
  const beforeTold = told.get('app/line')?.['busy.receivedBytes'] ?? Number.NaN
  const target = execFileSync('docker', [
    'inspect',
    '-f',
    '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
    name,
  ])
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  // Nobody listens there: they have come in all the same.
  for (let i = 0; i < 200; i += 1) {
    socket.send(Buffer.alloc(1_000), 9, String(target).trim())
    await delay(2)
  }
  const received = Object.values((await engineStats(name)).networks).reduce((sum, { rx_bytes }) => sum + rx_bytes, 0)
  const expected = received - Object.values(before).reduce((sum, { rx_bytes }) => sum + rx_bytes, 0)
  expect(expected).toBeGreaterThan(100_000)
  await eventually('them to be told', () => {
    const counted = (told.get('app/line')?.['busy.receivedBytes'] ?? 0) - beforeTold
    return Math.abs(counted - expected) < 5_000
  })

  const cpuMs = told.get('app/line')?.['busy.cpuMs'] ?? 0
  await deployAndWait(
    fleet,
    device,
    modelOf('line', { ...model.services, busy: { ...sleeper, labels: { a: 'b' } } as never }),
  )
  await eventually('the new container', () => (told.get('app/line')?.['busy.cpuPercent'] ?? 100) < 10)
  expect(told.get('app/line')?.['busy.cpuMs']).toBeGreaterThanOrEqual(cpuMs)
})
