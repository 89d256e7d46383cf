/** What every row of the bench stands on: the engine, a broker, an agent with its state in memory, an operator. */

import os from 'node:os'
import { pino } from 'pino'
import { createAgent } from '../agent/agent.ts'
import type { AgentInput } from '../agent/agent-contract.ts'
import { dockerEngine } from '../agent/engine/docker.ts'
import { memoryFiles } from '../agent/files/memory-files.ts'
import { fixedPolicy } from '../agent/fixed-policy.ts'
import { usualHealthLimits } from '../agent/health/health-limits.ts'
import { createLogRing } from '../agent/log-ring.ts'
import { openIdentity } from '../agent/secrets/identity.ts'
import { memorySecretStore } from '../agent/secrets/secret-store.ts'
import { memoryStore } from '../agent/store/memory-store.ts'
import { createBroker } from '../broker/broker.ts'
import type { Service } from '../src/compose/model.ts'
import { ensureEngine } from '../src/engine-setup/ensure-engine.ts'
import { makeExampleImage } from '../src/engine-setup/make-image.ts'
import { requestUnix } from '../src/engine-setup/unix-http.ts'
import { assignRemoval, type Deployed, deploy } from '../src/fleet/deploy.ts'
import { connectFleet } from '../src/fleet/fleet.ts'
import type { Ending } from '../src/fleet/outcome.ts'
import { waitForEnding } from '../src/fleet/wait.ts'
import { fixedHardware } from '../test/support/fixed-hardware.ts'
import { noDeviceNodes } from '../test/support/hardware.ts'
import { memoryOutbox } from '../test/support/memory-outbox.ts'

export type BenchAgent = {
  readonly socketPath: string
  /** before every name that the agent makes */
  readonly prefix: string
  /** One call to the engine, past the agent. */
  readonly call: (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object,
  ) => Promise<{ status: number; json: unknown }>
  readonly deploy: (app: string, services: Record<string, Service>) => Promise<Ending>
  readonly remove: (app: string) => Promise<Ending>
  readonly close: () => Promise<void>
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`)

export type BenchHardware = Pick<AgentInput, 'hardware' | 'deviceNodes'>

const noHardware: BenchHardware = { hardware: fixedHardware(), deviceNodes: noDeviceNodes }

export const openBenchAgent = async (hardware = noHardware): Promise<BenchAgent> => {
  const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
  const { socketPath } = await ensureEngine({ install: false, say, keep: true })
  await makeExampleImage(socketPath)
  const prefix = `bench${process.pid}-`
  const broker = createBroker({ log, port: 0 })
  const { port } = await broker.start()
  const url = `mqtt://127.0.0.1:${port}`
  const agent = createAgent({
    telemetry: 'off',
    health: usualHealthLimits,
    device: 'bench',
    clientId: 'bench',
    broker: { url },
    root: 'longshore',
    namePrefix: prefix,
    maxBytes: 262_144,
    policy: fixedPolicy(),
    keepaliveS: 60,
    reconnectMaxMs: 60_000,
    lookEveryMs: 60_000,
    keepReleases: 3,
    readDisk: async () => undefined,
    version: 'bench',
    engine: dockerEngine(`unix://${socketPath}`),
    registryMirrors: {},
    registryCredentials: async () => undefined,
    files: memoryFiles(),
    identity: await openIdentity(undefined, async () => undefined),
    secretStore: memorySecretStore(),
    store: memoryStore(),
    outbox: await memoryOutbox(),
    timeZone: () => 'UTC',
    builtAt: 0,
    ...hardware,
    hostFacts: async () => ({
      hostname: 'bench',
      os: { name: '', version: '', kernel: '' },
      arch: os.arch(),
      cpuCount: 1,
      memoryBytes: 0,
    }),
    log,
    ownLog: createLogRing(Date.now),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
  })
  agent.start()
  const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })
  const inputOf = (app: string) => ({ device: 'bench', app, by: 'bench', now: Date.now() })
  const endingOf = (deployed: Deployed) =>
    waitForEnding(fleet, { ...deployed, timeoutMs: 60_000, onEvent: () => undefined })
  return {
    socketPath,
    prefix,
    call: async (method, path, body) => {
      const { status, text } = await requestUnix({
        socketPath,
        method,
        path,
        ...(body && { body: Buffer.from(JSON.stringify(body)), contentType: 'application/json' }),
      })
      return { status, json: text === '' ? undefined : JSON.parse(text) }
    },
    deploy: async (app, services) =>
      endingOf(await deploy(fleet, { compose: { name: app, services }, files: {} }, inputOf(app))),
    remove: async (app) => endingOf(await assignRemoval(fleet, { volumes: true }, inputOf(app))),
    close: async () => {
      await fleet.close()
      await agent.stop()
      await broker.stop()
    },
  }
}

const at = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

/** Median, least and most, in ms. */
export const sayTimes = (name: string, values: readonly number[]): void =>
  say(
    `${name.padEnd(66)} ${Math.round(at(values, 0.5))} ms   (${Math.round(at(values, 0))} to ${Math.round(at(values, 1))})`,
  )

/** Median and 95th percentile, in ms. */
export const sayPercentiles = (name: string, values: readonly number[]): void =>
  say(`${name.padEnd(66)} ${at(values, 0.5).toFixed(1)} ms   (p95 ${at(values, 0.95).toFixed(1)})`)

/** Of values that were taken in turn, round by round. */
export const sayRatio = (name: string, ours: readonly number[], theirs: readonly number[]): void => {
  const ratios = ours.map((value, index) => value / (theirs[index] ?? Number.NaN))
  say(
    `${name.padEnd(66)} ${at(ratios, 0.5).toFixed(2)}      (${at(ratios, 0).toFixed(2)} to ${at(ratios, 1).toFixed(2)})`,
  )
}
