/** What must hold for the GPUs that a service asks for. Pure. */
import type { Fault } from './check.ts'
import type { Service } from './model.ts'

export const gpuFaults = (name: string, service: Service): Fault[] => {
  const needs = service['x-longshore']?.gpu
  const requests = [...(service.gpus ?? []), ...(service.deploy?.resources?.reservations?.devices ?? [])]
  if (needs?.count === undefined || !requests.some(({ count }) => typeof count === 'number')) return []
  const path = ['services', name, 'x-longshore', 'gpu', 'count']
  return [
    { code: 'value-invalid', path, message: `service ${name} has a count of GPUs in two places: keep one of them` },
  ]
}
