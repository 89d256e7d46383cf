/** Whose bridge on the way here is offline: how a device behind it is now, nobody knows. Pure. */
import { bridgeStatusSchema } from '../protocol/bridge.ts'
import { readPayload } from '../protocol/payload.ts'
import type { Status } from '../protocol/status.ts'

/** Adds a site or takes it away, by the status of its bridge; one that was cleared, or that cannot be read, is not silent. */
export const noteBridge = (silentSites: Set<string>, site: string, payload: Buffer): void => {
  const read = readPayload(bridgeStatusSchema, payload)
  if (read.ok && !read.value.online) silentSites.add(site)
  else silentSites.delete(site)
}

/** The first of the sites that its status came through whose bridge is offline. */
export const silentSiteOf = (
  status: Pick<Status, 'via'> | undefined,
  silentSites: ReadonlySet<string>,
): string | undefined => status?.via?.find((site) => silentSites.has(site))
