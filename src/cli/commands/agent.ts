/** `longshore agent`: the daemon on a device, in the foreground. */
import type { Command } from 'commander'
import { shownAddress } from '../../link/addresses.ts'
import { type BrokerOptions, mergeBroker, resolveBroker, withBrokerOptions } from '../context.ts'
import { createLog, failLoudly, logLevelOption, readConfig, untilSignal } from '../daemon.ts'
import { addAgentEnroll } from './agent-enroll.ts'
import { addAgentStatus } from './agent-status.ts'

type Options = BrokerOptions & {
  config?: string
  device?: string
  clientId?: string
  state?: string
  engine?: string
  namePrefix?: string
  allowPrivileged?: true
  policy?: string
  secrets?: string
  logLevel: string
}

export const addAgent = (program: Command): void => {
  const agent = withBrokerOptions(program.command('agent'))
    .description('run the agent of this device in the foreground')
    .option('--config <file>', 'YAML file with the same settings, and more; flags win')
    .option('-d, --device <id>', 'id of this device')
    .option('--client-id <id>', 'MQTT client id (default: the device id)')
    .option('--state <dir>', 'where it keeps what was decided (default: /var/lib/longshore)')
    .option(
      '--engine <url>',
      'unix:///path or tcp://host:port of the container engine (default: $DOCKER_HOST, or the usual sockets)',
    )
    .option('--name-prefix <prefix>', 'stands before every name on the engine; for a second agent on one engine')
    .option('--allow-privileged', 'let deployments have privileged containers, which are as good as root on the device')
    .option('--policy <file>', 'what deployments may ask for (default: /etc/longshore/policy.yaml)')
    .option('--secrets <dir>', 'folder on a tmpfs where secrets stand (default: one under /run/longshore or /dev/shm)')
    .addOption(logLevelOption())
    .action(async (options: Options) => {
      // The agent, and with it the engine client, is loaded only by the process that is one.
      const { startAgent } = await import('../../../agent/main.ts')
      const { createLogRing } = await import('../../../agent/log-ring.ts')
      const ownLog = createLogRing(Date.now)
      const log = createLog(options.logLevel, ownLog.write)
      const config = await readSettings(options)
      failLoudly(log)
      const agent = await startAgent(config, log, { ownLog })
      log.info({ device: config.device, broker: shownAddress(config.broker), state: config.state }, 'the agent runs')
      await untilSignal(log, agent.stop)
    })
  addAgentStatus(agent)
  addAgentEnroll(agent)
  agent
    .command('prepare')
    .description(
      'make what containers need after a reboot, before the engine starts: the nodes of their devices (with --config, --device, --state and --policy as of the agent)',
    )
    .action(async (_: unknown, command: Command) => {
      const options: Options = command.optsWithGlobals()
      const { prepare } = await import('../../../agent/prepare.ts')
      await prepare(await readSettings(options), createLog(options.logLevel))
    })
}

const readSettings = async (options: Options) => {
  const { agentConfigSchema } = await import('../../../agent/config.ts')
  const { config: file, device, clientId, state, engine, namePrefix, allowPrivileged, policy, secrets } = options
  const broker = file === undefined ? await resolveBroker(options) : await mergeBroker(options)
  return readConfig(agentConfigSchema, file, {
    ...broker,
    device,
    clientId,
    state,
    engine,
    namePrefix,
    allowPrivileged,
    policy,
    secrets,
  })
}
