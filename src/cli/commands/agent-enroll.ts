/** `longshore agent enroll`: makes this machine a device of a site, with nothing but a token. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { isBrokerUrl } from '../../link/addresses.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { parseSeconds } from '../arguments.ts'
import { createLog } from '../daemon.ts'
import { remark, say } from '../output.ts'
import { shellWord } from '../shell-word.ts'

type Options = {
  broker?: string
  token: string
  device?: string
  config?: string
  state?: string
  root?: string
  timeout: number
}

const usualConfig = '/etc/longshore/agent.yaml'

export const addAgentEnroll = (agent: Command): void => {
  agent
    .command('enroll')
    .description(
      `make this machine a device of a site: its key, its certificate, and the configuration of its agent (with --broker, and --device, --state, --root and --config, default ${usualConfig})`,
    )
    .requiredOption('--token <token>', 'as longshore enroll token prints it')
    .option('--timeout <seconds>', 'how long to try', parseSeconds, 60)
    .addHelpText(
      'after',
      `
Run again after a failure, it goes on where it was.

Example:
  longshore agent enroll --broker mqtts://broker.local:8883 --device gw-17 --token longshore1.…
  longshore agent --config ${usualConfig}`,
    )
    .action(async (_: unknown, command: Command) => enrollDevice(command.optsWithGlobals()))
}

const enrollDevice = async ({ broker, token, device, config, state, root, timeout }: Options): Promise<void> => {
  if (broker === undefined || !isBrokerUrl(broker))
    throw new LongshoreError('usage', '--broker names the broker of the site: mqtts://HOST:PORT')
  const { enroll } = await import('../../../agent/enrolment/enroll.ts')
  const file = resolve(config ?? usualConfig)
  const enrolled = await enroll({
    broker,
    token,
    device,
    config: file,
    state: state === undefined ? undefined : resolve(state),
    root,
    timeoutMs: timeout * 1000,
    log: createLog('silent'),
  })
  if (enrolled.isOld) remark('it was enrolled with this token before')
  say(`${enrolled.device}: enrolled, until ${new Date(enrolled.notAfter).toISOString()}; it renews that by itself`)
  say(`longshore agent --config ${shellWord(file)}`)
}
