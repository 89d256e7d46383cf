/** What must hold for the devices that a service asks for by what they are. Pure. */
import { posix } from 'node:path'
import type { Fault } from './check.ts'
import type { Service } from './model.ts'
import type { DeviceSelector } from './model-device-selectors.ts'

export const deviceFaults = (name: string, service: Service): Fault[] => {
  const selectors = service['x-longshore']?.devices ?? []
  const fault = (index: number, key: string, message: string): Fault => ({
    code: 'value-invalid',
    path: ['services', name, 'x-longshore', 'devices', index, key],
    message: `service ${name}: ${message}`,
  })
  const barrier = selectors.some(isKept) ? barrierOf(service) : undefined
  return selectors.flatMap((selector, index) => {
    const { target, count = 1, onReplug } = selector
    const twin = selectors.findIndex((other) => other.target === target)
    const mounted = (service.devices ?? []).find((device) => (device.target ?? device.source) === target)
    return [
      ...(twin < index ? [fault(index, 'target', `two devices have the target ${target}`)] : []),
      ...(mounted === undefined
        ? []
        : [fault(index, 'target', `${target} is the target of ${mounted.source} under devices too`)]),
      ...(count !== 1 && !target.includes('{n}')
        ? [fault(index, 'target', `of several devices each needs a target of its own: write ${target}{n}`)]
        : []),
      ...(isKept(selector) && target.split('/').length > 3
        ? [
            fault(
              index,
              'target',
              `${target} is in a folder, where a device cannot follow a replug: write a name directly under /dev, or onReplug: restart`,
            ),
          ]
        : []),
      ...(isKept(selector) && barrier !== undefined
        ? [
            fault(
              index,
              'onReplug',
              `a service with ${barrier} cannot have onReplug: ${onReplug}; write onReplug: restart`,
            ),
          ]
        : []),
    ]
  })
}

const isKept = ({ onReplug = 'restart' }: DeviceSelector): boolean => onReplug !== 'restart'

/** What would let the container lead the agent out of its own /dev, or reach what it was not given. */
export const barrierOf = (service: Service): string | undefined => {
  if (service.privileged === true) return 'privileged: true'
  const capability = (service.cap_add ?? []).find((name) => /^(CAP_)?(MKNOD|SYS_ADMIN|ALL)$/i.test(name))
  if (capability !== undefined) return `cap_add: [${capability}]`
  const targets = [
    ...(service.volumes ?? []).map(({ target }) => target),
    ...(service.tmpfs ?? []).map((text) => text.split(':')[0] ?? ''),
  ]
  const target = targets.find(isOfDevices)
  if (target !== undefined) return `a mount at ${target}`
  // All nodes of the device stand in it, and the rule for a major opens those of its kind.
  const bind = (service.volumes ?? []).find(
    (mount) => mount.type === 'bind' && mount.source.startsWith('/') && isOfDevices(mount.source),
  )
  return bind?.source === undefined ? undefined : `${bind.source} of the device mounted`
}

const isOfDevices = (path: string): boolean =>
  (isBelow(path, '/dev') && !isBelow(path, '/dev/shm')) || posix.resolve('/', path) === '/'

/** As an engine reads the path, which a model from the wire may have written otherwise. */
const isBelow = (path: string, folder: string): boolean => `${posix.resolve('/', path)}/`.startsWith(`${folder}/`)
