/** What a service asks for of GPUs, wherever it says so. Pure. */
import type { Service } from '../../src/compose/model.ts'
import type { DeviceRequest } from '../../src/compose/model-devices.ts'
import type { GpuNeeds } from '../../src/compose/model-gpu.ts'
import { type DeviceRequestSpec, isCdi, translateRequest } from '../translate/host-spec.ts'

export type GpuAsk = {
  /** within the service */
  readonly path: string
  readonly needs: GpuNeeds
  readonly count: number | 'all'
  /** by number or UUID; absent: whichever fit */
  readonly ids?: readonly string[]
  /** what the engine would be asked, if it chose by itself */
  readonly request: DeviceRequestSpec
}

export type Asks = {
  readonly gpus: readonly GpuAsk[]
  /** names of the Container Device Interface */
  readonly cdi: readonly { readonly path: string; readonly name: string }[]
  /** for drivers of other things, which the engine alone knows */
  readonly others: readonly DeviceRequestSpec[]
}

export const gpuAsksOf = (service: Service): Asks => {
  const needs = service['x-longshore']?.gpu
  const written = [
    ...(service.gpus ?? []).map((request, index) => ({
      path: `gpus[${index}]`,
      request,
      spec: translateRequest(request, ['gpu']),
    })),
    ...(service.deploy?.resources?.reservations?.devices ?? []).map((request, index) => ({
      path: `deploy.resources.reservations.devices[${index}]`,
      request,
      spec: translateRequest(request),
    })),
  ]
  const named = [
    ...(service.devices ?? []).filter(isCdi).map(({ source }, index) => ({ path: `devices[${index}]`, name: source })),
    ...written
      .filter(({ spec }) => spec.driver === 'cdi')
      .flatMap(({ path, spec }) => spec.ids.map((name) => ({ path, name }))),
  ]
  const gpus = written
    .filter(({ spec }) => isForGpus(spec))
    .map(({ path, request, spec }): GpuAsk => askOf(path, request, spec, needs))
  return {
    gpus:
      needs === undefined || gpus.length > 0 || named.length > 0
        ? gpus
        : [askOf('x-longshore.gpu', { count: needs.count ?? 1 }, translateRequest({ count: 1 }, ['gpu']), needs)],
    cdi: named,
    others: written.filter(({ spec }) => spec.driver !== 'cdi' && !isForGpus(spec)).map(({ spec }) => spec),
  }
}

const askOf = (path: string, request: DeviceRequest, spec: DeviceRequestSpec, needs: GpuNeeds = {}): GpuAsk => ({
  path,
  needs: { ...(makers.has(spec.driver) ? { vendor: spec.driver } : {}), ...needs },
  count: typeof request.count === 'number' ? request.count : 'all',
  ...(request.device_ids === undefined ? {} : { ids: request.device_ids }),
  request: spec,
})

/** Drivers of an engine that are called as the maker of the GPU. */
const makers: ReadonlySet<string> = new Set(['nvidia', 'amd', 'intel'])

const isForGpus = ({ driver, capabilities }: DeviceRequestSpec): boolean =>
  makers.has(driver) ||
  (driver === '' && capabilities.some((capability) => capability === 'gpu' || capability === 'nvidia'))
