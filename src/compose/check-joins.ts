/** What must hold between a service and those whose containers it joins or links to. */
import type { Fault } from './check.ts'
import { joinsOf, linksOf } from './joins.ts'
import type { Model, Service } from './model.ts'

/** Services that are missing are faults of their own. */
export const joinFaults = (model: Model, name: string, service: Service): Fault[] => {
  const fault = (path: (string | number)[], message: string): Fault => ({
    code: 'value-invalid',
    path: ['services', name, ...path],
    message,
  })
  return [
    ...joinsOf(service).flatMap(({ key, service: joined }) => {
      const other = Object.hasOwn(model.services, joined) ? model.services[joined] : undefined
      return key === 'ipc' && other !== undefined && other.ipc !== 'shareable'
        ? [fault(['ipc'], `service ${name} joins the memory of ${joined}, which must have ipc: shareable for that`)]
        : []
    }),
    ...linksOf(service).flatMap(({ service: linked }, index) => {
      const other = Object.hasOwn(model.services, linked) ? model.services[linked] : undefined
      return other !== undefined && !sharesNetwork(service, other)
        ? [fault(['links', index], `service ${name} links to ${linked}, and the two share no network`)]
        : []
    }),
  ]
}

const sharesNetwork = (one: Service, other: Service): boolean =>
  networksOf(one).some((network) => networksOf(other).includes(network))

const networksOf = ({ network_mode, networks = {} }: Service): string[] => {
  if (network_mode !== undefined) return []
  const keys = Object.keys(networks)
  return keys.length === 0 ? ['default'] : keys
}
