/** The exporter as it is started, between a real agent on Mosquitto and a real Prometheus. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { allFamilies } from '../../src/exporter/families.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { forgetDevice } from '../../src/fleet/forget.ts'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { findFreePort } from '../support/mosquitto.ts'
import { promtool, type Queried, startPrometheus } from '../support/prometheus.ts'
import { deployAndWait } from '../support/story.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const startExporter = async (url: string): Promise<string> => {
  const address = `127.0.0.1:${await findFreePort()}`
  const child = spawn(process.execPath, [built.path, 'exporter', '--broker', url, '--listen', address], {
    stdio: 'ignore',
  })
  onTestFinished(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  })
  await eventually('the exporter to be healthy', async () =>
    fetch(`http://${address}/-/healthy`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return address
}

/** Every value that a device tells of a metric, on one topic. */
const toldOf = async (fleet: Fleet, topic: string, metric: string): Promise<ReadonlySet<number>> => {
  const told = new Set<number>()
  const end = await fleet.watch([topic], ({ payload }) => {
    told.add(JSON.parse(payload.toString())[metric])
  })
  onTestFinished(end)
  return told
}

test('Prometheus has what a device told, its alerts know it, and a device that is forgotten is gone', async () => {
  const { url, stop } = await (brokers[1] as BrokerUnderTest).start()
  onTestFinished(stop)
  const fleet = await openFleet(url)
  const address = await startExporter(url)
  const prometheus = await startPrometheus(address)
  const { device, stop: stopAgent } = await startTestAgent({ url, telemetry: 'live' })
  const memory = await toldOf(fleet, fleet.topics.telemetryOfHost(device), 'memoryAvailableBytes')
  const cpuMs = await toldOf(fleet, fleet.topics.telemetryOfApp(device, 'shop'), 'web.cpuMs')
  await deployAndWait(fleet, device, modelOf('shop', { web: { network_mode: 'none' } }))

  const seen = (expression: string): Promise<Queried> =>
    eventually(
      `Prometheus to have ${expression}`,
      async () => {
        const [first] = await prometheus.query(expression)
        return first
      },
      { timeoutMs: 15_000 },
    )
  const of = `{device_id="${device}"}`
  const cpu = await seen(`container_cpu_usage_seconds_total${of}`)
  expect(cpu.labels).toMatchObject({ app: 'shop', service: 'web', job: 'longshore', instance: address })
  expect(cpuMs).toContain(Math.round(cpu.value * 1_000))
  expect(memory).toContain((await seen(`node_memory_MemAvailable_bytes${of}`)).value)
  expect((await seen(`longshore_device_up${of}`)).value).toBe(1)
  expect((await seen(`longshore_app_phase${of}`)).labels).toMatchObject({ app: 'shop', phase: 'running' })
  expect(await prometheus.query('up{job="longshore"}')).toMatchObject([{ value: 1 }])

  // What Prometheus would not say of the names, and what it says of those that others chose.
  const page = await (await fetch(`http://${address}/metrics`)).text()
  const { output } = await promtool(['check', 'metrics'], page)
  expect(output.trim().split('\n').filter(Boolean)).toEqual([
    expect.stringMatching(/^node_memory_MemAvailable_bytes .*camelCase/),
    expect.stringMatching(/^node_memory_MemTotal_bytes .*camelCase/),
  ])
  const named = [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  expect(allFamilies.map(({ name }) => name)).toEqual(expect.arrayContaining(named))

  await stopAgent()
  await eventually('Prometheus to see it offline', async () =>
    (await prometheus.query(`longshore_device_up${of}`)).some(({ value }) => value === 0),
  )
  expect(Object.values(await prometheus.rules())).toEqual(Array(10).fill('ok'))
  await eventually('the alert to wait for its time', async () =>
    (await prometheus.query(`ALERTS{alertname="LongshoreDeviceOffline",device_id="${device}"}`)).some(
      ({ labels }) => labels.alertstate === 'pending',
    ),
  )

  await forgetDevice(fleet, device, false)
  await eventually('nothing of it to be left', async () => {
    const text = await (await fetch(`http://${address}/metrics`)).text()
    return !text.includes(device) && (await prometheus.query(of)).length === 0
  })
})

test('the example rules are good, and alert for what they say', async () => {
  const checked = await promtool(['check', 'config', 'examples/prometheus/prometheus.yml'])
  expect(checked).toMatchObject({ exitCode: 0 })
  const tested = await promtool(['test', 'rules', 'test/exporter/alerts.test.yml'])
  expect(tested, tested.output).toMatchObject({ exitCode: 0 })
})

test('an exporter that cannot listen, or has no broker, says so', async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const taken = url.replace('mqtt://', '')
  const [unavailable, unreachable, badly] = await Promise.all([
    runCommand(built.path, ['exporter', '--broker', url, '--listen', taken]),
    runCommand(built.path, ['exporter', '--broker', 'mqtt://127.0.0.1:1', '--listen', '127.0.0.1:0']),
    runCommand(built.path, ['exporter', '--listen', 'nowhere']),
  ])
  expect(unavailable.stderr).toContain('port-unavailable')
  expect(unreachable).toMatchObject({ exitCode: 3 })
  expect(badly).toMatchObject({ exitCode: 2 })
})
