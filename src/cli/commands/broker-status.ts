/** `longshore broker status`: how the broker on this machine is, asked of itself. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { brokerSocketName } from '../../protocol/broker-status.ts'
import { brokerStatusText } from '../describe-broker.ts'
import { readBrokerStatus } from '../local-broker.ts'
import { exitCode, say, sayJson } from '../output.ts'

type Options = { state?: string; json?: boolean }

const usualState = '/var/lib/longshore-broker'

export const addBrokerStatus = (broker: Command): void => {
  broker
    .command('status')
    .description('show how the broker on this machine is, and its bridge (exit code 1: its disk takes nothing)')
    .option('--state <folder>', `state folder of the broker (default: ${usualState})`)
    .option('--json', 'one object')
    .action(async (_: Options, command: Command) => {
      const { state = usualState, json }: Options = command.optsWithGlobals()
      const status = await readBrokerStatus(resolve(state, brokerSocketName))
      if (json === true) sayJson(status)
      else say(brokerStatusText(status, Date.now()))
      if (status.fault !== undefined) process.exitCode = exitCode.failed
    })
}
