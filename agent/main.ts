/** Composition root of the daemon: real engine, real files, real clock. Wires and nothing else. */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import { builtAt } from '../src/built-at.ts'
import { readBrokerFiles } from '../src/link/broker-files.ts'
import { isAnswered } from '../src/local/serve-on-socket.ts'
import { startStatusServer } from '../src/local/status-server.ts'
import type { Outbox } from '../src/outbox/outbox.ts'
import { socketName, statusSocketName } from '../src/protocol/local.ts'
import { LongshoreError } from '../src/protocol/reason.ts'
import { version } from '../src/version.ts'
import { createAgent } from './agent.ts'
import type { CertificateFiles } from './certificate/renewal.ts'
import type { AgentConfig } from './config.ts'
import { runNvidiaSmi } from './devices/ask-nvidia-smi.ts'
import { openDeviceNodes } from './devices/device-nodes.ts'
import { readHostFacts } from './devices/host-facts.ts'
import { thisHost } from './devices/host-root.ts'
import { openAsContainer } from './devices/open-as-container.ts'
import { openHardware } from './devices/open-hardware.ts'
import { deviceTimeZone } from './devices/time-zone.ts'
import { engineDisk } from './disk/engine-disk.ts'
import type { Engine } from './engine/engine.ts'
import { findEngineUrl } from './engine/find-engine.ts'
import { openEngine } from './engine/open-engine.ts'
import { openAgentOutbox } from './events/open-agent-outbox.ts'
import { diskFiles } from './files/disk-files.ts'
import { findSecretsFolder } from './files/secrets-folder.ts'
import { startLocalServer } from './local/local-server.ts'
import { createLogRing, type LogRing } from './log-ring.ts'
import { watchLoop } from './loop-watch.ts'
import { openPolicySource, policyFolderOf } from './policy-source.ts'
import { rebootBy } from './reboot.ts'
import { fileCredentials } from './registry/file-credentials.ts'
import { openIdentity } from './secrets/identity.ts'
import { openSecretStore, readIfThere } from './secrets/secret-store.ts'
import { openFileStore } from './store/file-store.ts'
import { replaceText } from './store/record-file.ts'
import type { Store } from './store/store.ts'
import { createContainerReader } from './telemetry/read-containers.ts'
import { createGpuReader } from './telemetry/read-gpus.ts'
import { createHostReader } from './telemetry/read-host.ts'

/** What comes from outside beside the configuration: the log's last lines, and what tests put around the effects. */
export type Around = {
  /** where `log` leaves its lines as well; default: nowhere */
  readonly ownLog?: LogRing
  readonly engine?: (engine: Engine) => Engine
  readonly store?: (store: Store) => Store
  readonly outbox?: (outbox: Outbox) => Outbox
  readonly nowMs?: () => number
}

/** A process for each container that is watched. */
const gpuProbeMs = 60_000

/** A clock that was never set may say less than 0, which no message can carry. */
const clockOfMachine = (): number => Math.max(0, Date.now())

/** On each of these a folder of the device; the first that lies in memory is taken. */
const usualSecretsFolders = ['/run/longshore', '/dev/shm/longshore']

/**
 * Starts an agent; `stop` leaves its containers running.
 * @throws LongshoreError config-invalid, file-unreadable or state-unusable; nothing has been started then
 */
export const startAgent = async (
  config: AgentConfig,
  log: Logger,
  around: Around = {},
): Promise<{ readonly stop: () => Promise<void> }> => {
  const socketPath = join(config.state, socketName)
  // Each would take what the other has queued and decided for its own past, and delete it.
  if (await isAnswered(socketPath)) {
    const message = `another agent runs on ${config.state}: stop it, or give this one a state folder of its own`
    throw new LongshoreError('state-unusable', message)
  }
  const brokerFiles = {
    url: config.broker,
    mqttVersion: config.mqttVersion,
    username: config.username,
    passwordFile: config.passwordFile,
    ca: config.ca,
    cert: config.cert,
    key: config.key,
  }
  const broker = await readBrokerFiles(brokerFiles)
  const certificate = certificateFiles(config)
  const nowMs = around.nowMs ?? clockOfMachine
  const monotonicMs = (): number => performance.now()
  const engineUrl = config.engine ?? findEngineUrl(process.env)
  const ending = new AbortController()
  const realEngine = openEngine(engineUrl, ending.signal, config.pullStallS * 1000, config.capContainerLogs)
  const engine = around.engine?.(realEngine) ?? realEngine
  const fileStore = await openFileStore(config.state, log)
  const store = around.store?.(fileStore) ?? fileStore
  const identityFile = join(config.state, 'identity')
  const identity = await openIdentity(await readIfThere(identityFile), (text) => replaceText(identityFile, text))
  const secretsFolder = await findSecretsFolder(
    config.secrets === undefined ? usualSecretsFolders.map((root) => join(root, config.device)) : [config.secrets],
  )
  if (identity.fault === undefined)
    log.info({ recipient: identity.recipient }, 'secrets for this device are sealed for this key')
  else log.error({ ...identity.fault }, 'going on without the key of the device')
  if (secretsFolder === undefined)
    log.warn({ code: 'secret-store-unusable' }, 'no folder in memory was found: services with secrets cannot run')
  const policyFile = resolve(config.policy)
  const policy = await openPolicySource({
    file: policyFile,
    stateFolder: config.state,
    allowPrivileged: config.allowPrivileged,
    own: {
      folders: [
        config.state,
        ...usualSecretsFolders,
        policyFile,
        policyFolderOf(policyFile),
        ...[config.secrets, config.key, config.passwordFile].flatMap((path) => path ?? []),
      ].map((path) => resolve(path)),
      engineSockets: engineUrl.startsWith('unix://') ? [resolve(engineUrl.slice('unix://'.length))] : [],
    },
    log,
  })
  const ownOutbox = await openAgentOutbox({ ...config, store, capBytes: config.outboxBytes, nowMs, log })
  const outbox = around.outbox?.(ownOutbox) ?? ownOutbox
  const loopWatch = watchLoop({ monotonicMs, log })
  const agent = createAgent({
    device: config.device,
    clientId: config.clientId ?? config.device,
    broker,
    ...(certificate === undefined ? {} : { certificate, credentials: () => readBrokerFiles(brokerFiles) }),
    root: config.root,
    namePrefix: config.namePrefix,
    maxBytes: config.maxBytes,
    logBytesPerDay: config.logBytesPerDay,
    policy,
    keepaliveS: config.keepaliveS,
    connectTimeoutMs: config.connectTimeoutS * 1000,
    acknowledgeMs: config.acknowledgeS * 1000,
    reconnectMaxMs: config.reconnectMaxS * 1000,
    lookEveryMs: config.lookEveryS * 1000,
    labels: config.labels,
    keepReleases: config.keepReleases,
    version,
    engine,
    registryMirrors: config.registryMirrors,
    registryCredentials:
      config.registryCredentials === undefined ? async () => undefined : fileCredentials(config.registryCredentials),
    readDisk: engineDisk({ engine, engineUrl, reserve: config.diskReserve }),
    files: diskFiles(config.state, secretsFolder),
    identity,
    secretStore: await openSecretStore(config.state, log),
    store,
    outbox,
    read: {
      host: createHostReader({
        root: '/',
        loopDelayMs: loopWatch.takeStallMs,
        readGpus: createGpuReader({ root: '/', run: runNvidiaSmi(), monotonicMs }),
      }),
      containers: createContainerReader('/'),
    },
    telemetry: config.telemetry,
    health: config.health,
    hostFacts: readHostFacts,
    machine: rebootBy(config.rebootCommand),
    deviceNodes: openDeviceNodes(config.device),
    gpuProbe: { everyMs: gpuProbeMs, open: openAsContainer },
    hardware: openHardware({ root: thisHost, pollMs: config.devicePollS * 1000, log }),
    timeZone: deviceTimeZone,
    builtAt,
    log,
    ownLog: around.ownLog ?? createLogRing(nowMs),
    nowMs,
    monotonicMs,
    random: Math.random,
  })
  agent.start()
  const server = await startLocalServer({
    socketPath,
    api: agent.local,
    log,
  })
  const statusServer = await startStatusServer({
    what: 'longshore agent status',
    socketPath: config.statusSocket ?? join(config.state, statusSocketName),
    status: agent.status,
    log,
  })
  return {
    stop: async () => {
      loopWatch.stop()
      await statusServer.stop()
      await server.stop()
      await agent.stop()
      ending.abort()
    },
  }
}

/** undefined: nobody renews it. @throws LongshoreError config-invalid */
const certificateFiles = ({ renewCertificate, ca, cert, key }: AgentConfig): CertificateFiles | undefined => {
  if (!renewCertificate) return undefined
  if (ca === undefined || cert === undefined || cert !== key)
    throw new LongshoreError('config-invalid', 'renewCertificate needs ca, and one file as cert and key')
  return { authority: () => readFile(ca, 'utf8'), replace: (text) => replaceText(cert, text) }
}
