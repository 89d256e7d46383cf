/** What must hold for two containers of one service to run side by side, as `order: start-first` has it. */
import type { Fault } from './check.ts'
import { hostPortsOf, hostPortText } from './host-ports.ts'
import type { Service } from './model.ts'
import type { DeviceSelector } from './model-device-selectors.ts'

/** What only one of the two could have: found out before anything is stopped. */
export const updateFaults = (name: string, service: Service): Fault[] =>
  (['update_config', 'rollback_config'] as const).flatMap((key) => {
    if (service.deploy?.[key]?.order !== 'start-first') return []
    const alone = onlyOneCanHave(service)
    if (alone === undefined) return []
    const message = `service ${name} is to be started before the old one stops, and only one of the two can have ${alone}: use order: stop-first`
    return [{ code: 'value-invalid' as const, path: ['services', name, 'deploy', key, 'order'], message }]
  })

/** What is no serial port for certain is shared where nobody says otherwise. */
const mayBeExclusive = ({ exclusive, match }: DeviceSelector): boolean =>
  exclusive ?? (match.class === undefined || match.class === 'serial')

const onlyOneCanHave = (service: Service): string | undefined => {
  const [port] = hostPortsOf(service)
  if (port !== undefined) return `host port ${hostPortText(port)}`
  const { network_mode: mode } = service
  if (mode === 'host') return 'the network of the host'
  if (mode?.startsWith('service:')) return `the network of ${mode}`
  const serial = service.devices?.find(({ source }) => /^\/dev\/(tty|serial\/)/.test(source))
  if (serial !== undefined) return `device ${serial.source}`
  const alone = service['x-longshore']?.devices?.find(mayBeExclusive)
  if (alone !== undefined) return `the device at ${alone.target}, which is not shared without exclusive: false`
  const address = Object.values(service.networks ?? {})
    .flatMap(({ ipv4_address, ipv6_address, mac_address }) => [ipv4_address, ipv6_address, mac_address])
    .find((text) => text !== undefined)
  return address === undefined ? undefined : `address ${address}`
}
