/** `longshore events`: what happens on the devices, as they tell it. */
import { type Command, InvalidArgumentError } from 'commander'
import { createDeduplicator } from '../../fleet/deduplicate.ts'
import type { Fleet } from '../../fleet/fleet.ts'
import { type Event, eventSchema } from '../../protocol/event.ts'
import { readPayload } from '../../protocol/payload.ts'
import { parseApp, parseDevice } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { eventText } from '../describe-event.ts'
import { remark, say, sayJson } from '../output.ts'

type Options = BrokerOptions & { device?: string; app?: string; kind?: string; count?: number; follow?: boolean }

export const addEvents = (program: Command): void => {
  withBrokerOptions(program.command('events'))
    .description('follow what happens on the devices, until Ctrl-C')
    .option('-d, --device <id>', 'only this device', parseDevice)
    .option('--app <app>', 'only this app', parseApp)
    .option('--kind <pattern>', 'only kinds that begin so, as deployment or service-ended')
    .option('-n, --count <number>', 'end after so many', parseCount)
    .option('-f, --follow', 'as for logs; the command follows in any case, for a broker keeps no events')
    .option('--json', 'one object a line')
    .action(async (options: Options) => {
      await withFleet(options, (fleet) => follow(fleet, options))
    })
}

const parseCount = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1')
  return Number(text)
}

const follow = async (fleet: Fleet, { device, app, kind, count, json }: Options): Promise<void> => {
  const seen = createDeduplicator()
  const isWanted = (event: Event): boolean =>
    (app === undefined || event.app === app) && (kind === undefined || event.kind.startsWith(kind))
  let shown = 0
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  await fleet.watch([fleet.topics.event(device ?? '+')], ({ topic, payload }) => {
    const parsed = fleet.topics.parse(topic)
    if (parsed === undefined || shown === count) return
    const read = readPayload(eventSchema, payload)
    if (!read.ok) {
      remark(`an event of ${parsed.device} could not be read: ${read.reason.message}`)
      return
    }
    if (!isWanted(read.value) || !seen.isNew(parsed.device, read.value)) return
    if (json === true) sayJson({ device: parsed.device, ...read.value })
    else say(eventText(parsed.device, read.value))
    shown += 1
    if (shown === count) end()
  })
  process.once('SIGINT', end).once('SIGTERM', end)
  await ended
}
