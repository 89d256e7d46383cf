/** What a device is, as far as a deployment is judged by it: plain data, as it was known last. */
import type { HostDevice } from '../../src/protocol/host-device.ts'

export type Site = {
  readonly device: string
  readonly hostname: string
  /** as Node names them: linux, arm64 */
  readonly os: string
  readonly arch: string
  readonly labels: Readonly<Record<string, string>>
  readonly devices: readonly HostDevice[]
  /** names of the Container Device Interface */
  readonly cdi: readonly string[]
  /** of the nodes of GPUs and the names of CDI, what the policy lets nobody have */
  readonly refused: readonly string[]
  /** undefined: it has not answered yet */
  readonly engine: SiteEngine | undefined
}

/** In which ways the engine hands GPUs to containers. */
export type SiteEngine = {
  /** by their names */
  readonly runtimes: readonly string[]
  /** devices of the Container Device Interface, by their names */
  readonly hasCdi: boolean
  /** asks the driver of NVIDIA for GPUs, as `docker run --gpus` does */
  readonly hasGpuRequests: boolean
}
