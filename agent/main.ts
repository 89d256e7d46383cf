/** Composition root of the daemon: real engine, real files, real clock. Wires and nothing else. */
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import { readBrokerFiles } from '../src/link/broker-files.ts'
import { version } from '../src/version.ts'
import { createAgent } from './agent.ts'
import type { AgentConfig } from './config.ts'
import { readHostFacts } from './devices/host-facts.ts'
import { dockerEngine } from './engine/docker.ts'
import { findEngineUrl } from './engine/find-engine.ts'
import { diskFiles } from './files/disk-files.ts'
import { findSecretsFolder } from './files/secrets-folder.ts'
import { fileCredentials } from './registry/file-credentials.ts'
import { openIdentity } from './secrets/identity.ts'
import { openSecretStore, readIfThere } from './secrets/secret-store.ts'
import { openFileStore } from './store/file-store.ts'
import { replaceText } from './store/record-file.ts'

/** On each of these a folder of the device; the first that lies in memory is taken. */
const usualSecretsFolders = ['/run/longshore', '/dev/shm/longshore']

/**
 * Starts an agent; `stop` leaves its containers running.
 * @throws LongshoreError config-invalid, file-unreadable or state-unusable; nothing has been started then
 */
export const startAgent = async (config: AgentConfig, log: Logger): Promise<{ readonly stop: () => Promise<void> }> => {
  const broker = await readBrokerFiles({
    url: config.broker,
    username: config.username,
    passwordFile: config.passwordFile,
    ca: config.ca,
    cert: config.cert,
    key: config.key,
  })
  const engine = dockerEngine(config.engine ?? findEngineUrl(process.env), config.pullStallS * 1000)
  const store = await openFileStore(config.state, log)
  const identityFile = join(config.state, 'identity')
  const identity = await openIdentity(await readIfThere(identityFile), (text) => replaceText(identityFile, text))
  const secretsFolder = await findSecretsFolder(
    config.secrets === undefined ? usualSecretsFolders.map((root) => join(root, config.device)) : [config.secrets],
  )
  log.info({ recipient: identity.recipient }, 'secrets for this device are sealed for this key')
  if (secretsFolder === undefined)
    log.warn({ code: 'secret-store-unusable' }, 'no folder in memory was found: services with secrets cannot run')
  const agent = createAgent({
    device: config.device,
    clientId: config.clientId ?? config.device,
    broker,
    root: config.root,
    namePrefix: config.namePrefix,
    maxBytes: config.maxBytes,
    policy: { allowPrivileged: config.allowPrivileged },
    keepaliveS: config.keepaliveS,
    lookEveryMs: config.lookEveryS * 1000,
    version,
    engine,
    registryMirrors: config.registryMirrors,
    registryCredentials:
      config.registryCredentials === undefined ? async () => undefined : fileCredentials(config.registryCredentials),
    files: diskFiles(config.state, secretsFolder),
    identity,
    secretStore: await openSecretStore(config.state, log),
    store,
    hostFacts: readHostFacts,
    log,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
  })
  agent.start()
  return { stop: agent.stop }
}
