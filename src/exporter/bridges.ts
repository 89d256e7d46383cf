/** The bridges of sites, by what each retains: behind one that is offline nobody knows how a device is. Nothing here throws. */
import { silentSiteOf } from '../fleet/silent-bridge.ts'
import { bridgeStatusSchema } from '../protocol/bridge.ts'
import { readPayload } from '../protocol/payload.ts'
import type { Status } from '../protocol/status.ts'
import { bridgeUp, deviceUnknown } from './device-families.ts'
import { labelsText, type Series } from './family.ts'

export type Silence = { readonly site: string /** ms of a clock that never jumps */; readonly sinceMs: number }

export type Bridges = {
  /** @returns whether it could be read */
  readonly take: (site: string, payload: Buffer, round: number, nowMs: number) => boolean
  /** Forgets what was not retained any more in this round. */
  readonly endRound: (round: number) => void
  readonly silenceOf: (status: Pick<Status, 'via'>) => Silence | undefined
  readonly series: () => Iterable<Series>
}

type Bridge = { readonly round: number; readonly silentSinceMs: number | undefined }

/** Far more sites than a company has. */
const mostBridges = 2_000

export const createBridges = (): Bridges => {
  const bridges = new Map<string, Bridge>()
  const silentSites = new Set<string>()

  const forget = (site: string): void => {
    bridges.delete(site)
    silentSites.delete(site)
  }

  return {
    take: (site, payload, round, nowMs) => {
      if (payload.byteLength === 0) {
        forget(site)
        return true
      }
      const read = readPayload(bridgeStatusSchema, payload)
      const before = bridges.get(site)
      if (!read.ok || (before === undefined && bridges.size >= mostBridges)) return false
      bridges.set(site, { round, silentSinceMs: read.value.online ? undefined : (before?.silentSinceMs ?? nowMs) })
      if (read.value.online) silentSites.delete(site)
      else silentSites.add(site)
      return true
    },
    endRound: (round) => {
      for (const [site, bridge] of bridges) if (bridge.round < round) forget(site)
    },
    silenceOf: (status) => {
      const site = silentSiteOf(status, silentSites)
      const sinceMs = site === undefined ? undefined : bridges.get(site)?.silentSinceMs
      return site === undefined || sinceMs === undefined ? undefined : { site, sinceMs }
    },
    series: function* () {
      for (const [site, { silentSinceMs }] of bridges)
        yield { family: bridgeUp, labels: labelsText({ site }), value: Number(silentSinceMs === undefined) }
    },
  }
}

/** In place of whatever its status says. */
export const seriesOfUnknown = (device: string, { site }: Silence): Series => ({
  family: deviceUnknown,
  labels: labelsText({ device_id: device, site }),
  value: 1,
})
