/** What the device is, read from where it is known, for whoever judges a deployment by it. */
import os from 'node:os'
import type { Site, SiteEngine } from './allot/site.ts'
import type { HostFacts } from './devices/host-facts.ts'
import type { Hardware } from './devices/read-devices.ts'
import type { Engine } from './engine/engine.ts'

export type SiteInput = {
  readonly device: string
  readonly engine: Pick<Engine, 'facts'>
  readonly hostFacts: () => Promise<HostFacts>
  /** what was found last */
  readonly hardware: () => Promise<Hardware>
  readonly labels: () => Readonly<Record<string, string>>
  /** whether the policy lets nobody have a device, by its path or its name of CDI */
  readonly refuses: (device: string) => boolean
}

export type SiteSource = {
  /** Never rejects. */
  readonly read: () => Promise<Site>
  /** The engine answers again: it may be another one. */
  readonly onEngine: () => void
}

export const createSite = ({ device, engine, hostFacts, hardware, labels, refuses }: SiteInput): SiteSource => {
  let asked: Promise<SiteEngine | undefined> | undefined

  const askEngine = async (hasToolkit: boolean): Promise<SiteEngine | undefined> => {
    try {
      const { name, runtimes, hasCdi } = await engine.facts()
      // Podman knows no such requests, and the tools of NVIDIA suffice without a runtime of theirs.
      const hasGpuRequests = name !== 'podman' && (hasToolkit || runtimes.includes('nvidia'))
      return { runtimes, hasCdi, hasGpuRequests }
    } catch {
      asked = undefined
      return undefined
    }
  }

  return {
    read: async () => {
      const found = await hardware()
      const nodes = found.devices.flatMap(({ gpu }) => gpu?.nodes ?? [])
      asked ??= askEngine(found.hasNvidiaToolkit === true)
      const [host, known] = await Promise.all([hostFacts().catch(() => undefined), asked])
      return {
        device,
        hostname: host?.hostname ?? os.hostname(),
        os: os.platform(),
        arch: host?.arch ?? os.arch(),
        labels: labels(),
        devices: found.devices,
        cdi: found.cdi,
        refused: [...new Set([...nodes, ...found.cdi])].filter(refuses),
        engine: known,
      }
    },
    onEngine: () => {
      asked = undefined
    },
  }
}
