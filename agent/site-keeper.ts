/** Keeps what was decided with what the device is: its labels, its hardware, and the GPUs of containers that run. */
import type { Logger } from 'pino'
import { isForGpus, isRefusedForSite, misplacedApps } from './allot/judged-by-site.ts'
import type { Site } from './allot/site.ts'
import { labelVerb } from './commands/label-verb.ts'
import type { Verb } from './commands/verb.ts'
import { createGpuWatch, type GpuProbe } from './devices/gpu-watch.ts'
import type { HostFacts } from './devices/host-facts.ts'
import type { Engine } from './engine/engine.ts'
import { type Labels, labelsInForce } from './labels.ts'
import { createSite, type SiteInput } from './site.ts'
import type { Store } from './store/store.ts'

export type SiteKeeperInput = Pick<SiteInput, 'device' | 'hardware' | 'hostFacts' | 'refuses'> & {
  readonly engine: Pick<Engine, 'facts' | 'list' | 'details'>
  readonly store: Pick<Store, 'app' | 'apps' | 'device' | 'updateDevice'>
  /** labels of the configuration */
  readonly configured: Labels
  /** absent: nobody looks whether containers still have their GPUs */
  readonly gpuProbe?: GpuProbe | undefined
  readonly look: (app: string) => void
  readonly publishInventory: () => void
  /** Reads what was refused before once more. */
  readonly judgeAgain: () => void
  readonly log: Logger
}

export type SiteKeeper = {
  readonly read: () => Promise<Site>
  /** undefined: the app asks for nothing of it. A look at the hardware may take its time, and only the others wait for it. */
  readonly ofApp: (app: string) => Promise<Site | undefined>
  /** Reads them again. */
  readonly hostFacts: () => Promise<HostFacts>
  readonly labels: () => Labels
  readonly setLabels: Verb
  readonly lostGpus: () => ReadonlySet<string>
  readonly onHardware: () => void
  readonly onEngine: () => void
  readonly start: () => void
  readonly stop: () => void
}

export const createSiteKeeper = (input: SiteKeeperInput): SiteKeeper => {
  const { device, engine, store, configured, look, log } = input
  let knownHost: Promise<HostFacts> | undefined
  const hostFacts = (): Promise<HostFacts> => {
    knownHost = input.hostFacts()
    return knownHost
  }
  const labels = (): Labels => labelsInForce(configured, store.device().labels)
  const { read, onEngine } = createSite({ ...input, labels, hostFacts: () => knownHost ?? hostFacts() })
  const watch =
    input.gpuProbe &&
    createGpuWatch({
      ...input.gpuProbe,
      ...{ engine, agent: device, records: store.apps, site: read, onLost: look, log },
    })

  /** What was refused for what the device was is judged again, and what waits for a GPU looks for one. */
  const onHardware = (): void => {
    for (const record of store.apps()) if (isForGpus(record)) look(record.app)
    if (store.apps().some(isRefusedForSite)) input.judgeAgain()
  }

  const onLabels = (): void => {
    input.publishInventory()
    onHardware()
    void warnOfMisplaced()
  }

  const warnOfMisplaced = async (): Promise<void> => {
    const site = await read()
    for (const { app, reason } of misplacedApps(store.apps(), site))
      log.warn({ app, ...reason }, 'an app that runs would not be taken any more; it runs on')
  }

  return {
    read,
    ofApp: async (app) => (isForGpus(store.app(app)) ? read() : undefined),
    hostFacts,
    labels,
    setLabels: labelVerb({ store, configured, onChange: onLabels }),
    lostGpus: () => watch?.lost() ?? new Set(),
    onHardware,
    onEngine,
    start: () => watch?.start(),
    stop: () => watch?.stop(),
  }
}
