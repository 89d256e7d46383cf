/**
 * A container for one command in a service's image: with its environment, secrets, volumes and networks, and none of what
 * makes it the service: no ports, name, address, alias, labels, healthcheck or restart. Pure.
 */
import type { Service } from '../../src/compose/model.ts'
import type { ContainerSpec } from './container-spec.ts'
import { label } from './engine-names.ts'
import { type TranslateInput, translateService } from './translate-service.ts'

/**
 * Whose these containers are. No device id has a dot, so the reconciler, which lists those of its own agent, never takes
 * one for a container of an app.
 */
export const runOwner = (agent: string): string => `${agent}.run`

export const runName = (namePrefix: string, app: string, service: string, id: string): string =>
  `${namePrefix}${app}-${service}-run-${id}`

export type RunSpecInput = Omit<
  TranslateInput,
  'service' | 'number' | 'digest' | 'cause' | 'devices' | 'carriedVolumes'
> & {
  readonly service: Service
  /** of the command that asks for it */
  readonly id: string
  readonly command: readonly string[]
  /** with the devices and GPUs that the service names by their path or number */
  readonly hasDevices: boolean
}

export const runSpec = ({ id, command, hasDevices, ...input }: RunSpecInput): ContainerSpec => {
  const { owner, app, name } = input
  const service = plainService(input.service, hasDevices)
  const spec = translateService({
    ...{ ...input, service, number: 1, digest: '', cause: `longshore run ${id}` },
    ...(hasDevices ? {} : { gpus: undefined }),
  })
  const { networking, healthcheck: _, stopTimeoutS: __, ...rest } = spec
  return {
    ...rest,
    labels: {
      [label.agent]: runOwner(owner.agent),
      [label.app]: app,
      [label.service]: name,
      [label.cause]: `longshore run ${id}`,
    },
    command,
    networking:
      networking.kind === 'attached'
        ? { ...networking, attachments: networking.attachments.map(({ network }) => ({ network, aliases: [] })) }
        : networking,
    healthcheck: { test: ['NONE'] },
    // It is read while it runs, and nobody reads it again.
    logging: { driver: 'none', options: {} },
    tty: false,
    stdinOpen: false,
    ports: [],
    expose: [],
    restart: { name: 'no' },
  }
}

const plainService = (service: Service, hasDevices: boolean): Service => {
  const { container_name: _name, hostname: _host, mac_address: _mac, depends_on: _depends, deploy, ...plain } = service
  const { devices: _found, gpu: _gpu, ...extension } = plain['x-longshore'] ?? {}
  const { reservations: _reserved, ...resources } = deploy?.resources ?? {}
  const kept = { ...plain, 'x-longshore': extension, ...(deploy && { deploy: { ...deploy, resources } }) }
  if (hasDevices) return kept as Service
  const { devices: _devices, device_cgroup_rules: _rules, gpus: _gpus, ...bare } = kept
  return bare as Service
}
