/** `longshore devices`: which there are, what hardware one has, and the end of one that is gone for good. */
import type { Command } from 'commander'
import { retainedClockFault } from '../../fleet/clock-fault.ts'
import { forgetDevice } from '../../fleet/forget.ts'
import { type DeviceState, readState } from '../../fleet/read-state.ts'
import { LongshoreError } from '../../protocol/reason.ts'
import type { Status } from '../../protocol/status.ts'
import { parseDevice } from '../arguments.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { verdictText } from '../describe-agent.ts'
import { agoText } from '../describe-app.ts'
import { hardwareText } from '../describe-hardware.ts'
import { hardwareCompose } from '../hardware-compose.ts'
import { exitCode, paint, remark, say, sayJson, table } from '../output.ts'
import { addDevicesReplace } from './devices-replace.ts'

type Options = BrokerOptions & { device?: string; compose?: boolean }

export const addDevices = (program: Command): void => {
  const devices = withBrokerOptions(program.command('devices'))
    .description('list the devices that this broker knows')
    .option('-d, --device <id>', 'only this device, with its hardware', parseDevice)
    .option('--compose', 'print the lines of a Compose file that ask for its hardware')
    .option('--json', 'one object')
    .addHelpText('after', '\nExamples:\n  longshore devices --device gw-1\n  longshore devices --device gw-1 --compose')
    .action(async (options: Options) => {
      if (options.compose === true && (options.device === undefined || options.json === true))
        throw new LongshoreError('usage', '--compose is for the hardware of one device: give --device, without --json')
      const where = options.device ?? '+'
      const found = await withFleet(options, async (fleet) =>
        readState(
          fleet.topics,
          await fleet.read([
            fleet.topics.status(where),
            fleet.topics.bridgeStatus('+'),
            fleet.topics.inventory(where),
            fleet.topics.reported(where, '+'),
          ]),
        ),
      )
      if (options.json === true)
        return sayJson({
          devices: [...found.values()].map(({ device, status, inventory, apps, silentBridge }) => ({
            device,
            status: status ?? null,
            silentBridge: silentBridge?.site ?? null,
            inventory: inventory ?? null,
            apps: [...apps.keys()],
          })),
        })
      if (found.size === 0) {
        if (options.device === undefined) return remark('no device on this broker')
        process.exitCode = exitCode.failed
        return remark(`no device ${options.device} on this broker`)
      }
      if (options.compose === true) return sayCompose([...found.values()][0])
      say(
        table(
          ['DEVICE', 'STATE', 'SINCE', 'AGENT', 'ENGINE', 'SYSTEM', 'ARCH', 'TIME ZONE', 'CPUS', 'MEMORY', 'APPS'],
          [...found.values()].map(rowOf),
        ),
      )
      if (options.device !== undefined)
        for (const { inventory } of found.values()) if (inventory !== undefined) say(`\n${hardwareText(inventory)}`)
      for (const { device, status, inventory, silentBridge } of found.values()) {
        if (silentBridge !== undefined) {
          remark(`${device}: unknown: the bridge of its site, ${silentBridge.site}, is offline`)
          continue
        }
        const clock = status?.online === true ? retainedClockFault(status.at, Date.now()) : undefined
        if (clock !== undefined) remark(`${device}: ${clock}; set it`)
        if (status?.online === true)
          for (const { code, message } of status.health?.reasons ?? []) remark(`${device}: ${code}: ${message}`)
        for (const fault of [inventory?.policy?.fault, ...(inventory?.faults ?? [])])
          if (fault !== undefined) remark(`${device}: ${fault.code}: ${fault.message}`)
      }
    })

  addDevicesReplace(devices)

  withBrokerOptions(devices.command('forget'))
    .description('clear everything that the broker retains of a device')
    .argument('<id>', 'device', parseDevice)
    .option('--force', 'also when it is online')
    .option('--json', 'one object')
    .action(async (device: string, own: BrokerOptions & { force?: boolean }, command: Command) => {
      // Broker options given before `forget` are the parent's.
      const options = { ...command.parent?.opts(), ...own } as typeof own
      const cleared = await withFleet(options, (fleet) => forgetDevice(fleet, device, options.force === true))
      if (options.json === true) return sayJson({ device, cleared })
      say(
        cleared.length === 0
          ? `the broker retains nothing of ${device}`
          : `${device} is forgotten: ${cleared.length} retained messages cleared`,
      )
    })
}

const sayCompose = (state: DeviceState | undefined): void => {
  const devices = state?.inventory?.devices
  const lines = devices === undefined ? undefined : hardwareCompose(devices)
  if (lines !== undefined) {
    say(lines)
    return
  }
  process.exitCode = exitCode.failed
  const why = devices === undefined ? 'its agent has told of no hardware' : 'nothing there can be asked for so'
  remark(`${state?.device}: ${why}`)
}

/** What it says of itself counts while it is there. */
const stateText = ({ online, health }: Status, isSilent: boolean): string => {
  if (isSilent) return paint('yellow', 'unknown')
  if (!online) return paint('red', 'offline')
  return health === undefined || health.verdict === 'ok' ? paint('green', 'online') : verdictText(health)
}

const rowOf = ({ device, status, inventory, apps, silentBridge }: DeviceState): string[] => [
  device,
  status === undefined ? 'unknown' : stateText(status, silentBridge !== undefined),
  status === undefined ? '-' : agoText((silentBridge ?? status).at, Date.now()),
  status?.agent ?? '-',
  inventory?.engine == null ? '-' : `${inventory.engine.name} ${inventory.engine.version}`,
  inventory === undefined ? '-' : `${inventory.os.name} ${inventory.os.version}`,
  inventory?.arch ?? '-',
  inventory?.timeZone ?? '-',
  String(inventory?.cpuCount ?? '-'),
  inventory === undefined ? '-' : `${(inventory.memoryBytes / 1024 ** 3).toFixed(1)} GiB`,
  String([...apps.values()].filter(({ reported }) => reported?.phase !== 'removed').length),
]
