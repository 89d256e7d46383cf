/** `longshore home-assistant`: the devices of the fleet in Home Assistant, by its MQTT discovery. */
import { type Command, InvalidArgumentError } from 'commander'
import { connectFleet } from '../../fleet/fleet.ts'
import { shownAddress } from '../../link/addresses.ts'
import { rootSchema } from '../../protocol/names.ts'
import { type BrokerOptions, fleetInput, withBrokerOptions, withFleet } from '../context.ts'
import { createLog, failLoudly, logLevelOption, untilSignal } from '../daemon.ts'
import { say } from '../output.ts'

type Options = BrokerOptions & { prefix: string; remove?: true; logLevel: string }

export const addHomeAssistant = (program: Command): void => {
  withBrokerOptions(program.command('home-assistant'))
    .description('tell Home Assistant of every device, by its MQTT discovery')
    .option(
      '--prefix <topic>',
      'what stands before the topics of discovery, as Home Assistant is set',
      parsePrefix,
      'homeassistant',
    )
    .option('--remove', 'take all devices of this fleet out of Home Assistant again, and end')
    .addOption(logLevelOption())
    .action(async ({ prefix, remove, logLevel, ...options }: Options) => {
      // Only the process that is one loads it.
      const { removeAnnounced, startAnnouncer } = await import('../../home-assistant/announcer.ts')
      if (remove === true) {
        const removed = await withFleet(options, (fleet) => removeAnnounced(fleet, prefix))
        for (const device of removed) say(`${device}: taken out of Home Assistant`)
        return
      }
      const log = createLog(logLevel)
      const input = await fleetInput(options)
      failLoudly(log)
      const announcer = await startAnnouncer({
        connect: (more) => connectFleet({ ...input, ...more, log }),
        prefix,
        log,
      })
      log.info({ prefix, broker: shownAddress(input.broker.url) }, 'Home Assistant is told of the fleet')
      await untilSignal(log, announcer.stop)
    })
}

const parsePrefix = (text: string): string => {
  const result = rootSchema.safeParse(text)
  if (!result.success) throw new InvalidArgumentError(result.error.issues[0]?.message ?? 'is not valid')
  return result.data
}
