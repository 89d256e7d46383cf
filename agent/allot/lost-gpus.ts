/** Whose GPU is watched, and by which nodes it shows that it is lost. Pure. */
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { targetOf } from '../reconcile/target.ts'
import type { AppRecord } from '../store/app-record.ts'

/** As `app/service`: services that may be made anew when they lost their GPU. */
export const placesToWatch = (records: readonly AppRecord[]): ReadonlySet<string> =>
  new Set(
    records.flatMap((record) => {
      const deployment = targetOf(record).accepted?.deployment
      if (deployment === undefined || deployment.remove) return []
      return Object.entries(deployment.compose.services).flatMap(([service, definition]) =>
        definition['x-longshore']?.gpu?.recreateWhenLost === true ? [`${record.app}/${service}`] : [],
      )
    }),
  )

/** A container with a GPU may open at least one of these. To open that of one GPU of NVIDIA would wake it. */
export const probeNodes = (devices: readonly HostDevice[]): string[] => [
  ...new Set(
    devices.flatMap(({ class: kind, node, gpu }) => {
      if (kind !== 'gpu') return []
      const control = gpu?.nodes?.find((path) => path.endsWith('/nvidiactl'))
      return control ?? node ?? []
    }),
  ),
]
