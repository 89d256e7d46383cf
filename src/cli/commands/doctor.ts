/** `longshore doctor`: finds out what will not work, before it does not. */
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { shownAddress } from '../../link/addresses.ts'
import { readBrokerFiles } from '../../link/broker-files.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import { parseSeconds } from '../arguments.ts'
import { type BrokerOptions, resolveBroker, withBrokerOptions } from '../context.ts'
import { examineBroker } from '../doctor/broker/examine-broker.ts'
import { describeFinding } from '../doctor/describe-finding.ts'
import { exitCode, say, sayJson } from '../output.ts'

type Options = BrokerOptions & { topic?: string; timeout: number }

export const addDoctor = (program: Command): void => {
  withBrokerOptions(program.command('doctor'))
    .description(
      'try on a broker what Longshore needs of it, as the user that is given: what will not work, what that means, what to do',
    )
    .option('--topic <topic>', 'where it may publish, and clears up after itself (default: ROOT/v1/doctor-…)')
    .option('--timeout <seconds>', 'how long the broker may take for an answer', parseSeconds, 5)
    .option('--json', 'one object')
    .addHelpText(
      'after',
      `
It exits with 1 if something of Longshore will not work there.

Examples:
  longshore doctor --broker mqtt://127.0.0.1:1883
  longshore doctor --broker mqtts://broker.local:8883 --ca ca.pem --username ada --password-file ada.password`,
    )
    .action(async (options: Options) => {
      const { broker: url, root, ...rest } = await resolveBroker(options)
      const broker = await readBrokerFiles({ url, ...rest })
      const scratch = options.topic ?? `${root}/v1/doctor-${randomBytes(6).toString('hex')}`
      if (/[+#]|^\$|\/$|^$/.test(scratch))
        throw new LongshoreError('usage', `topic ${JSON.stringify(scratch)} is not one that can be published under`)
      const isJson = options.json === true
      const findings = await examineBroker({
        ...{ broker, root, scratch, timeoutMs: options.timeout * 1_000 },
        ...(isJson ? {} : { onFinding: (finding) => say(describeFinding(finding)) }),
      })
      const isFit = findings.every(({ verdict }) => verdict !== 'fails')
      if (isJson) sayJson({ broker: shownAddress(url), fit: isFit, findings })
      if (!isFit) process.exitCode = exitCode.failed
    })
}
