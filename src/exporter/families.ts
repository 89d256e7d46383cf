/** Every family that the exporter has, in the order in which it writes them. Pure. */
import { deviceFamilies } from './device-families.ts'
import type { Family } from './family.ts'
import { ownFamilies } from './own-series.ts'
import { appFamilies, hostFamilies } from './telemetry-families.ts'

export const allFamilies: readonly Family[] = [
  ...ownFamilies,
  ...deviceFamilies,
  ...Object.values(hostFamilies),
  ...Object.values(appFamilies),
]
