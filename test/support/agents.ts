/** Agents for tests: the real engine, a state folder of their own, and everything of theirs gone at the end of the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import Docker from 'dockerode'
import { pino } from 'pino'
import { inject, onTestFinished } from 'vitest'
import { createAgent } from '../../agent/agent.ts'
import type { Agent } from '../../agent/agent-contract.ts'
import { openDeviceNodes } from '../../agent/devices/device-nodes.ts'
import type { HardwareFollower } from '../../agent/devices/follow-hardware.ts'
import type { GpuProbe } from '../../agent/devices/gpu-watch.ts'
import type { HostFacts } from '../../agent/devices/host-facts.ts'
import { deviceTimeZone } from '../../agent/devices/time-zone.ts'
import { engineDisk } from '../../agent/disk/engine-disk.ts'
import { openEngine } from '../../agent/engine/open-engine.ts'
import { openAgentOutbox } from '../../agent/events/open-agent-outbox.ts'
import { diskFiles } from '../../agent/files/disk-files.ts'
import { findSecretsFolder } from '../../agent/files/secrets-folder.ts'
import { fixedPolicy } from '../../agent/fixed-policy.ts'
import { usualHealthLimits } from '../../agent/health/health-limits.ts'
import { startLocalServer } from '../../agent/local/local-server.ts'
import { createLogRing } from '../../agent/log-ring.ts'
import type { PolicySource } from '../../agent/policy-source.ts'
import type { CredentialSource } from '../../agent/registry/file-credentials.ts'
import { openIdentity } from '../../agent/secrets/identity.ts'
import { openSecretStore, readIfThere } from '../../agent/secrets/secret-store.ts'
import { openFileStore } from '../../agent/store/file-store.ts'
import { replaceText } from '../../agent/store/record-file.ts'
import { createContainerReader } from '../../agent/telemetry/read-containers.ts'
import { createHostReader } from '../../agent/telemetry/read-host.ts'
import type { RegistryMirrors } from '../../agent/translate/registry.ts'
import { connectFleet, type Fleet } from '../../src/fleet/fleet.ts'
import { startStatusServer } from '../../src/local/status-server.ts'
import { socketName, statusSocketName } from '../../src/protocol/local.ts'
import type { TelemetryProfile } from '../../src/protocol/telemetry.ts'
import { fixedHardware } from './fixed-hardware.ts'

export const silent = pino({ level: process.env.TEST_LOG ?? 'silent' })

const hostFacts = async (): Promise<HostFacts> => ({
  hostname: 'test',
  os: { name: 'Test', version: '1', kernel: '1' },
  arch: 'x64',
  cpuCount: 2,
  memoryBytes: 1,
})

let counter = 0

/** A device id that no other test of this or another run uses on the shared engine. */
export const newDeviceId = (): string => {
  counter += 1
  return `t${process.pid}-${Date.now().toString(36)}-${counter}`
}

export const docker = (): Docker => new Docker({ socketPath: inject('socketPath') })

/** Removes whatever carries the labels of an agent, also after a test that failed. */
export const removeEverythingOf = async (device: string, engine = docker()): Promise<void> => {
  const filters = { label: [`io.longshore.agent=${device}`] }
  for (const { Id } of await engine.listContainers({ all: true, filters }))
    await engine
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => undefined)
  for (const { Id } of await engine.listNetworks({ filters }))
    await engine
      .getNetwork(Id)
      .remove()
      .catch(() => undefined)
  for (const { Name } of (await engine.listVolumes({ filters })).Volumes ?? [])
    await engine
      .getVolume(Name)
      .remove()
      .catch(() => undefined)
}

export type TestAgentOptions = {
  readonly url: string
  readonly device?: string
  readonly namePrefix?: string
  /** continue with the state of an agent that was stopped */
  readonly state?: string
  readonly maxBytes?: number
  readonly allowPrivileged?: boolean
  readonly policy?: PolicySource
  readonly engineUrl?: string
  readonly lookEveryMs?: number
  /** default: none */
  readonly hardware?: HardwareFollower
  /** as of its configuration; default: none */
  readonly labels?: Readonly<Record<string, string>>
  /** default: nobody looks */
  readonly gpuProbe?: GpuProbe
  readonly secretsFolder?: string
  readonly registryMirrors?: RegistryMirrors
  readonly registryCredentials?: CredentialSource
  readonly pullStallMs?: number
  readonly keepReleases?: number
  readonly outboxBytes?: number
  /** default: no limit */
  readonly logBytesPerDay?: number
  /** default: nothing is read of this machine */
  readonly telemetry?: TelemetryProfile
  /** bytes; without it the disk is not looked at */
  readonly diskReserve?: number
}

export type TestAgent = {
  readonly device: string
  readonly state: string
  readonly agent: Agent
  readonly stop: () => Promise<void>
}

const thisMachine = () => ({
  host: createHostReader({ root: '/', loopDelayMs: () => 0 }),
  containers: createContainerReader('/'),
})

export const startTestAgent = async (options: TestAgentOptions): Promise<TestAgent> => {
  const device = options.device ?? newDeviceId()
  const state = options.state ?? (await mkdtemp(join(tmpdir(), 'longshore-state-')))
  const secretsFolder = options.secretsFolder ?? `/dev/shm/longshore-test/${device}`
  const identityFile = join(state, 'identity')
  const ending = new AbortController()
  const engineUrl = options.engineUrl ?? `unix://${inject('socketPath')}`
  const engine = openEngine(engineUrl, ending.signal, options.pullStallMs)
  const store = await openFileStore(state, silent)
  const maxBytes = options.maxBytes ?? 256 * 1024
  const agent = createAgent({
    ...(options.telemetry === undefined ? {} : { read: thisMachine() }),
    telemetry: options.telemetry ?? 'off',
    health: usualHealthLimits,
    device,
    clientId: device,
    broker: { url: options.url },
    root: 'longshore',
    // The engine is shared by all tests: names must not collide, whatever the apps are called.
    namePrefix: options.namePrefix ?? `${device}-`,
    maxBytes,
    policy: options.policy ?? fixedPolicy({ privileged: options.allowPrivileged ?? false }),
    keepaliveS: 30,
    reconnectMaxMs: 60_000,
    lookEveryMs: options.lookEveryMs ?? 60_000,
    logBytesPerDay: options.logBytesPerDay ?? 0,
    labels: options.labels ?? {},
    keepReleases: options.keepReleases ?? 3,
    version: 'test',
    engine,
    registryMirrors: options.registryMirrors ?? {},
    registryCredentials: options.registryCredentials ?? (async () => undefined),
    readDisk:
      options.diskReserve === undefined
        ? async () => undefined
        : engineDisk({ engine, engineUrl, reserve: options.diskReserve }),
    files: diskFiles(state, await findSecretsFolder([secretsFolder])),
    identity: await openIdentity(await readIfThere(identityFile), (text) => replaceText(identityFile, text)),
    secretStore: await openSecretStore(state, silent),
    store,
    outbox: await openAgentOutbox({
      state,
      root: 'longshore',
      device,
      store,
      capBytes: options.outboxBytes ?? 64 * 1_048_576,
      maxBytes,
      nowMs: Date.now,
      log: silent,
    }),
    hostFacts,
    deviceNodes: openDeviceNodes(device),
    hardware: options.hardware ?? fixedHardware(),
    ...(options.gpuProbe === undefined ? {} : { gpuProbe: options.gpuProbe }),
    timeZone: deviceTimeZone,
    builtAt: 0,
    log: silent,
    ownLog: createLogRing(Date.now),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
  })
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    await server.stop()
    await statusServer.stop()
    await agent.stop()
    ending.abort()
  }
  onTestFinished(async () => {
    await stop()
    await removeEverythingOf(device)
    await rm(state, { recursive: true, force: true })
    await rm(secretsFolder, { recursive: true, force: true })
  }, 60_000)
  agent.start()
  const server = await startLocalServer({ socketPath: join(state, socketName), api: agent.local, log: silent })
  const statusServer = await startStatusServer({
    what: 'longshore agent status',
    socketPath: join(state, statusSocketName),
    status: agent.status,
    log: silent,
  })
  return { device, state, agent, stop }
}

export const openFleet = async (url: string, root = 'longshore'): Promise<Fleet> => {
  const fleet = await connectFleet({ broker: { url }, root, log: silent })
  onTestFinished(fleet.close)
  return fleet
}
