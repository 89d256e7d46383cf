/** Which apps have to do with what the device is: its labels and its hardware. Pure. */
import type { Reason } from '../../src/protocol/reason.ts'
import { targetOf } from '../reconcile/target.ts'
import type { AppRecord } from '../store/app-record.ts'
import { gpuAsksOf } from './gpu-asks.ts'
import { placementFault } from './placement-fault.ts'
import type { Site } from './site.ts'

/** It may be taken once the device is another. */
export const isRefusedForSite = ({ refused }: AppRecord): boolean =>
  refused !== undefined && ['placement', 'gpu-missing'].includes(refused.reason.code)

export const isForGpus = (record: AppRecord | undefined): boolean =>
  Object.values((record && modelOf(record))?.services ?? {}).some((service) => {
    const { gpus, cdi } = gpuAsksOf(service)
    return gpus.length > 0 || cdi.length > 0
  })

/** What was accepted and does not belong here any more. */
export const misplacedApps = (
  records: readonly AppRecord[],
  site: Site,
): { readonly app: string; readonly reason: Reason }[] =>
  records.flatMap((record) => {
    const model = modelOf(record)
    const reason = model === undefined ? undefined : placementFault(model, site)
    return reason === undefined ? [] : [{ app: record.app, reason }]
  })

const modelOf = (record: AppRecord) => {
  const deployment = targetOf(record).accepted?.deployment
  return deployment === undefined || deployment.remove ? undefined : deployment.compose
}
