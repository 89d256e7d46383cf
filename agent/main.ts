/** Composition root of the daemon: real engine, real files, real clock. Wires and nothing else. */
import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import { readBrokerFiles } from '../src/link/broker-files.ts'
import { version } from '../src/version.ts'
import { createAgent } from './agent.ts'
import type { AgentConfig } from './config.ts'
import { readHostFacts } from './devices/host-facts.ts'
import { dockerEngine } from './engine/docker.ts'
import { findEngineUrl } from './engine/find-engine.ts'
import { openFileStore } from './store/file-store.ts'

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
  const engine = dockerEngine(config.engine ?? findEngineUrl(process.env))
  const store = await openFileStore(config.state, log)
  const agent = createAgent({
    device: config.device,
    clientId: config.clientId ?? config.device,
    broker,
    root: config.root,
    namePrefix: config.namePrefix,
    maxBytes: config.maxBytes,
    keepaliveS: config.keepaliveS,
    lookEveryMs: config.lookEveryS * 1000,
    version,
    engine,
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
