/** What an agent is given, and what can be done with one. Every effect comes in here. */
import type { Logger } from 'pino'
import type { Broker, Credentials } from '../src/link/contract.ts'
import type { Outbox } from '../src/outbox/outbox.ts'
import type { AgentStatus } from '../src/protocol/local.ts'
import type { TelemetryProfile } from '../src/protocol/telemetry.ts'
import type { CertificateFiles } from './certificate/renewal.ts'
import type { DeviceNodes } from './devices/device-nodes.ts'
import type { HardwareFollower } from './devices/follow-hardware.ts'
import type { GpuProbe } from './devices/gpu-watch.ts'
import type { HostFacts } from './devices/host-facts.ts'
import type { ReadDisk } from './disk/disk-space.ts'
import type { Engine } from './engine/engine.ts'
import type { ProjectFiles } from './files/project-files.ts'
import type { HealthLimits } from './health/findings.ts'
import type { Labels } from './labels.ts'
import type { LocalApi } from './local/local-api.ts'
import type { LogRing } from './log-ring.ts'
import type { PolicySource } from './policy-source.ts'
import type { RebootMachine } from './reboot.ts'
import type { CredentialSource } from './registry/file-credentials.ts'
import type { Identity } from './secrets/identity.ts'
import type { SecretStore } from './secrets/secret-store.ts'
import type { Store } from './store/store.ts'
import type { HostReading } from './telemetry/host-sample.ts'
import type { ContainerReader } from './telemetry/read-containers.ts'
import type { RegistryMirrors } from './translate/registry.ts'

export type AgentInput = {
  readonly device: string
  readonly clientId: string
  readonly broker: Broker
  /** read again before each attempt to connect; absent: as they are in `broker` */
  readonly credentials?: () => Promise<Credentials>
  /** absent: nobody renews the certificate of this device */
  readonly certificate?: CertificateFiles | undefined
  readonly root: string
  readonly namePrefix: string
  /** what logs may cost in a day; absent or 0: whatever they cost */
  readonly logBytesPerDay?: number
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
  /** absent: nothing is read of the machine, as of a simulated one */
  readonly read?: { readonly host: () => Promise<HostReading>; readonly containers: ContainerReader } | undefined
  readonly telemetry: TelemetryProfile
  readonly health: HealthLimits
  readonly hostFacts: () => Promise<HostFacts>
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
  /** the last lines of `log` */
  readonly ownLog: LogRing
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
  /** how it is, as far as the device itself knows */
  readonly status: () => AgentStatus
}
