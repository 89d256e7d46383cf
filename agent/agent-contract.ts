/** What an agent is given, and what can be done with one. Every effect comes in here. */
import type { Logger } from 'pino'
import type { Broker } from '../src/link/link.ts'
import type { Outbox } from '../src/outbox/outbox.ts'
import type { DeviceNodes } from './devices/device-nodes.ts'
import type { HardwareFollower } from './devices/follow-hardware.ts'
import type { GpuProbe } from './devices/gpu-watch.ts'
import type { HostFacts } from './devices/host-facts.ts'
import type { ReadDisk } from './disk/disk-space.ts'
import type { Engine } from './engine/engine.ts'
import type { ProjectFiles } from './files/project-files.ts'
import type { Labels } from './labels.ts'
import type { LocalApi } from './local/local-api.ts'
import type { PolicySource } from './policy-source.ts'
import type { RebootMachine } from './reboot.ts'
import type { CredentialSource } from './registry/file-credentials.ts'
import type { Identity } from './secrets/identity.ts'
import type { SecretStore } from './secrets/secret-store.ts'
import type { Store } from './store/store.ts'
import type { Profile } from './telemetry/dead-band.ts'
import type { HostReading } from './telemetry/host-sample.ts'
import type { RegistryMirrors } from './translate/registry.ts'

export type AgentInput = {
  readonly device: string
  readonly clientId: string
  readonly broker: Broker
  readonly root: string
  readonly namePrefix: string
  readonly maxBytes: number
  readonly policy: PolicySource
  readonly keepaliveS: number
  readonly connectTimeoutMs?: number
  readonly acknowledgeMs?: number
  readonly reconnectMaxMs: number
  readonly lookEveryMs: number
  /** of the configuration; absent: none */
  readonly labels?: Labels
  /** how many releases of an app are kept to go back to */
  readonly keepReleases: number
  readonly version: string
  readonly engine: Engine
  readonly registryMirrors: RegistryMirrors
  /** where no credentials of a registry were sent as a secret */
  readonly registryCredentials: CredentialSource
  /** of the engine: how much is free, and how much has to be */
  readonly readDisk: ReadDisk
  readonly files: ProjectFiles
  readonly identity: Identity
  readonly secretStore: SecretStore
  readonly store: Store
  readonly outbox: Outbox
  /** undefined: nothing is told of the machine */
  readonly telemetry?: { readonly read: () => Promise<HostReading>; readonly profile: Profile } | undefined
  readonly hostFacts: () => Promise<HostFacts>
  /** the last lines of the own log, oldest first; absent: nobody keeps them */
  readonly recentLog?: () => readonly string[]
  /** absent: nobody can reboot it from here */
  readonly machine?: RebootMachine
  readonly hardware: HardwareFollower
  readonly deviceNodes: DeviceNodes
  /** how it shows that a container lost its GPU; absent: nobody looks */
  readonly gpuProbe?: GpuProbe
  readonly timeZone: () => string
  /** epoch ms */
  readonly builtAt: number
  readonly log: Logger
  readonly nowMs: () => number
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  readonly random: () => number
}

export type Agent = {
  readonly start: () => void
  readonly stop: () => Promise<void>
  /** for commands on the same machine */
  readonly local: LocalApi
}
