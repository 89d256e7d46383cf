/** `longshore agent status`: how this device is, asked of its agent with no network. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { statusSocketName } from '../../protocol/local.ts'
import { agentStatusText } from '../describe-agent.ts'
import { readAgentStatus } from '../local-agent.ts'
import { exitCode, say, sayJson } from '../output.ts'

type Options = { state?: string; socket?: string; json?: boolean }

const usualState = '/var/lib/longshore'

export const addAgentStatus = (agent: Command): void => {
  agent
    .command('status')
    .description('show how this device is, asked of its agent; needs no network (exit code 1: it is failing)')
    .option('--state <dir>', `state folder of the agent (default: ${usualState})`)
    .option('--socket <path>', 'its status socket, where that is set to be elsewhere')
    .option('--json', 'one object')
    .action(async (_: Options, command: Command) => {
      const options: Options = command.optsWithGlobals()
      const status = await readAgentStatus(options.socket ?? resolve(options.state ?? usualState, statusSocketName))
      if (options.json === true) sayJson(status)
      else say(agentStatusText(status, Date.now()))
      if (status.health.verdict === 'failing') process.exitCode = exitCode.failed
    })
}
