/** What a container must be, in our own words. The engine adapter turns it into its own create call. */
import type { HostSpec } from './host-spec.ts'
import type { AttachmentSpec } from './network-spec.ts'

export type PortSpec = {
  readonly target: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** absent: a free port that the engine chooses; of a range, a free one of it */
  readonly published?: number | { readonly from: number; readonly to: number }
  readonly hostIp?: string
}

export type MountSpec =
  | {
      readonly type: 'volume'
      /** absent: a new one that the engine names */
      readonly source?: string
      readonly target: string
      readonly readOnly: boolean
      readonly noCopy: boolean
      /** a folder of the volume, in place of the whole */
      readonly subpath?: string
    }
  | {
      readonly type: 'bind'
      readonly source: string
      readonly target: string
      readonly readOnly: boolean
      readonly createHostPath: boolean
      readonly propagation?: string
    }
  | {
      readonly type: 'tmpfs'
      readonly target: string
      readonly readOnly?: true
      readonly sizeBytes?: number
      readonly mode?: number
    }

export type HealthcheckSpec = {
  readonly test?: readonly string[]
  readonly intervalMs?: number
  readonly timeoutMs?: number
  readonly startPeriodMs?: number
  /** an engine that does not know it leaves it out */
  readonly startIntervalMs?: number
  readonly retries?: number
}

export type RestartSpec = { readonly name: 'no' | 'unless-stopped' | 'on-failure'; readonly maximumRetryCount?: number }

/** `attached`: the engine's networks by name; the first is given at create, the others are connected before the start. */
export type NetworkingSpec =
  | { readonly kind: 'attached'; readonly attachments: readonly AttachmentSpec[] }
  | { readonly kind: 'mode'; readonly mode: 'bridge' | 'host' | 'none' }
  | { readonly kind: 'joined'; readonly containerId: string }

export type ContainerSpec = HostSpec & {
  readonly imageId: string
  readonly labels: Readonly<Record<string, string>>
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** variables whose value is that of a secret in one of its versions: put in only when the container is made */
  readonly secretEnvironment: Readonly<Record<string, { readonly name: string; readonly version: string }>>
  readonly user?: string
  readonly workingDir?: string
  readonly hostname?: string
  readonly stopSignal?: string
  /** whole seconds, as engines count it */
  readonly stopTimeoutS?: number
  readonly init?: boolean
  readonly tty: boolean
  readonly stdinOpen: boolean
  readonly readOnly: boolean
  readonly tmpfs: Readonly<Record<string, string>>
  readonly shmSizeBytes?: number
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly securityOpt: readonly string[]
  readonly memoryBytes?: number
  readonly cpus?: number
  readonly pidsLimit?: number
  readonly logging?: { readonly driver?: string; readonly options: Readonly<Record<string, string>> }
  readonly ports: readonly PortSpec[]
  readonly expose: readonly string[]
  readonly mounts: readonly MountSpec[]
  readonly networking: NetworkingSpec
  readonly restart: RestartSpec
  readonly healthcheck?: HealthcheckSpec
}
